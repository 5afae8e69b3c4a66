import AuthServer
import DomainManagerServer
import IMAPServer
import OperatorCommands
import SMTPServer
import StorageServer
import Wiring

await OperatorProgram.main(
    CommandEnvironment(
        open: { settings in
            let platform = try await Platform.open(settings, isServing: false)
            return CommandEnvironment.Ports(
                stores: platform.ports, domains: platform.domains, passwords: platform.passwords, close: { await platform.close() }
            )
        },
        serve: { settings in
            try await ServiceProcess.run(
                settings,
                [StorageModule.make, AuthModule.make, DomainManagerModule.make, SMTPModule.make, IMAPModule.make]
            )
        },
        restore: { file, settings in try await Platform.restore(file, settings) }
    )
)
