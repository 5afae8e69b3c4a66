import AuthServer
import DomainManagerServer
import IMAPServer
import OperatorCommands
import SMTPServer
import StorageServer
import Wiring

let environment = CommandEnvironment(
    open: { settings in
        let platform = try await Platform.open(settings, isServing: false)
        return .init(
            stores: platform.ports,
            domains: platform.domains,
            passwords: platform.passwords,
            close: platform.close
        )
    },
    serve: { settings in
        let modules = [StorageModule.make, AuthModule.make, DomainManagerModule.make, SMTPModule.make, IMAPModule.make]
        try await ServiceProcess.run(settings, modules)
    },
    restore: { file, settings in try await Platform.restore(file, settings) },
    migrate: { settings, isDryRun in try await Platform.migrate(settings, isDryRun: isDryRun) }
)
await OperatorProgram.main(environment)
