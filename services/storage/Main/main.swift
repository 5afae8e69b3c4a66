import StorageServer
import Wiring

await ServiceProcess.main([StorageModule.make])
