import IMAPServer
import Wiring

await ServiceProcess.main([IMAPModule.make])
