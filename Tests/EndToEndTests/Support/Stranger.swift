// Another user of this machine.

import Foundations
import Glibc

enum Stranger {
  /// Only root can become another user.
  static let exists = geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0
  static let reason = "needs root and setpriv, to become another user"

  /// Runs a program as an unprivileged user, to its end.
  static func run(_ words: [String], in workspace: Workspace, folder: String = "/") throws -> Ended {
    let base = workspace.unusedName("stranger")
    var spawn = ProcessSpawn(
      "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "--"] + words,
      environment: Program.clean, workingDirectory: folder)
    spawn.standardOutput = .append(path: "\(base).out")
    spawn.standardError = .append(path: "\(base).err")
    let child = try spawn.start()
    defer { _ = try? child.kill() }
    let status = try eventually("the end of \(words)") { try child.poll() }
    return Ended(status: status, output: Text.read("\(base).out"), errors: Text.read("\(base).err"))
  }
}
