import DomainManagerServer
import Wiring

await ServiceProcess.main([DomainManagerModule.make])
