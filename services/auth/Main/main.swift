import AuthServer
import Wiring

await ServiceProcess.main([AuthModule.make])
