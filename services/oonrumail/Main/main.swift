import AuthServer
import DomainManagerServer
import IMAPServer
import OperatorCommands
import SMTPServer
import StorageServer
import Wiring

let modules = [StorageModule.make, AuthModule.make, DomainManagerModule.make, SMTPModule.make, IMAPModule.make]
let environment = CommandEnvironment(
    open: { .init(try await Platform.open($0, isServing: false).parts) },
    serve: { try await ServiceProcess.run($0, modules) },
    restore: { try await Platform.restore($0, $1) },
    migrate: { try await Platform.migrate($0, isDryRun: $1) },
    move: { try await Platform.move($0, $1, tell: $2) },
    preflight: { await Platform.preflight($0) }
)
await OperatorProgram.main(environment)
