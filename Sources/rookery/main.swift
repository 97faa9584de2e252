// The command line of Rookery.

internal import Foundations

PrivateFiles.maskOthers()
Signals.ignoreBrokenPipes()
CommandLineInterface.main(Array(CommandLine.arguments.dropFirst()))
