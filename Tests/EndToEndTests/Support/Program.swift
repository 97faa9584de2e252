// The program under test.

import Foundation
import Foundations
import Glibc

enum Program {
  /// The package's folder.
  static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

  /// `ROOKERY_BINARY`, or the debug product.
  static let path = variables["ROOKERY_BINARY"] ?? "\(root)/.build/debug/rookery"

  static let runsLongTests = variables["ROOKERY_LONG_TESTS"] != nil

  /// The variables of this process without those of Rookery.
  static let clean = variables.filter { !$0.key.hasPrefix("ROOKERY_") }
  private static let variables = ProcessInfo.processInfo.environment

  /// Runs a command of the program to its end.
  static func run(
    _ arguments: [String], in workspace: Workspace, environment: [String: String] = [:],
    within seconds: Double = 60
  ) throws -> Ended {
    let started = try Started(arguments, in: workspace, environment: environment)
    return try started.end(within: seconds)
  }
}

/// A command's exit code and output.
struct Ended {
  var status: ExitStatus
  var output: String
  var errors: String

  var code: Int32? {
    if case .exited(let code) = status { return code }
    return nil
  }
}

/// A running command of the program; dropping it kills the process.
final class Started {
  let child: ChildProcess
  let outputPath: String
  let errorsPath: String

  init(_ arguments: [String], in workspace: Workspace, environment: [String: String] = [:]) throws {
    let base = workspace.unusedName("command")
    (outputPath, errorsPath) = ("\(base).out", "\(base).err")
    var spawn = ProcessSpawn(
      Program.path, arguments, environment: Program.clean.merging(environment) { $1 },
      workingDirectory: workspace.path)
    spawn.standardOutput = .append(path: outputPath)
    spawn.standardError = .append(path: errorsPath)
    child = try spawn.start()
  }

  deinit {
    _ = try? child.kill()
    _ = try? child.wait()
  }

  var output: String { Text.read(outputPath) }
  var errors: String { Text.read(errorsPath) }

  func end(within seconds: Double = 60) throws -> Ended {
    let status = try eventually("the end of a command; it said: \(errors.suffix(500))", within: seconds) {
      try child.poll()
    }
    return Ended(status: status, output: output, errors: errors)
  }
}
