// How the processes of a run reach each other.

internal import Console
internal import Experience
internal import Launcher

/// What `--transport` and `ROOKERY_TRANSPORT` choose.
enum RunTransport: String, CaseIterable {
  /// Unix sockets in a folder of this user alone.
  case ipc
  /// Loopback addresses, which every user of this machine reaches.
  case tcp

  /// - Throws: `UsageError` for a name that is none of these.
  init(_ arguments: Arguments, _ variables: [String: String]) throws(UsageError) {
    let variable = variables["ROOKERY_TRANSPORT"].flatMap { $0.isEmpty ? nil : $0 }
    let text = arguments.value("transport") ?? variable ?? Self.ipc.rawValue
    guard let transport = RunTransport(rawValue: text) else {
      let place = arguments.value("transport") == nil ? "ROOKERY_TRANSPORT" : "--transport"
      throw UsageError("\(place): expected ipc (sockets of yours) or tcp (loopback), found '\(text)'")
    }
    self = transport
  }
}

/// A run's sockets, and what people should know of them.
struct RunSockets {
  /// Nil over TCP.
  let folder: SocketFolder?
  private(set) var notes: [String] = []

  init(_ transport: RunTransport, variables: [String: String], outlivesSession: Bool = false) throws {
    let left = SocketParent.all(variables).reduce(0) { $0 + SocketFolder.removeLeft(in: $1) }
    if left > 0 {
      notes.append(
        "removed the sockets that \(left == 1 ? "an earlier launcher" : "\(left) earlier launchers") had left behind"
      )
    }
    guard transport == .ipc else {
      notes.append(
        "over loopback TCP every user of this machine can reach the run's processes (docs/SECURITY.md)")
      folder = nil
      return
    }
    let parent = try SocketParent(variables: variables, outlivesSession: outlivesSession)
    if let note = parent.note { notes.append(note) }
    folder = try SocketFolder(in: parent.path)
  }
}

extension ControlReply {
  /// What somebody needs who brings a learner; nil while the launcher's own are there, or where no
  /// such service is described.
  var learnerNotice: String? {
    guard !processes.contains(where: { $0.service == ServiceKind.learner.rawValue }),
      let replay = variables["ROOKERY_REPLAY_ADDRESS"],
      let parameters = variables["ROOKERY_PARAMETERS_ADDRESS"]
    else { return nil }
    return
      "no learner is started, bring your own: it samples from \(replay) and sends what it learns to \(parameters), as "
      + "docs/PROTOCOL.md says; eval \"$(rookery env learner)\" gives it both as variables, and then rookery learner is one"
  }
}
