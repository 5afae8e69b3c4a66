import SMTPServer
import Wiring

await ServiceProcess.main([SMTPModule.make])
