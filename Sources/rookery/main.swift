// The command line of Rookery.

internal import Foundations

Signals.ignoreBrokenPipes()
CommandLineInterface.main(Array(CommandLine.arguments.dropFirst()))
