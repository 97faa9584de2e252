// `rookery snapshot` and `rookery restore`.

internal import Services
internal import Console
internal import Experience
internal import Foundations
internal import Launcher
internal import Wire

/// Makes a snapshot of a replay, or restores one, and prints the result.
struct SnapshotCommand {
  private let verb: SnapshotVerb
  private let name: String
  private let addresses: [String]

  /// `rookery snapshot NAME [ADDRESS…] [-p RUN]`
  init(_ verb: SnapshotVerb, _ list: [String]) throws {
    let arguments = try Arguments(list, valued: ["name"], short: ["p": "name"])
    guard let name = arguments.positional.first else {
      throw UsageError("expected rookery \(verb) NAME [ADDRESS…] [-p RUN]")
    }
    self.verb = verb
    self.name = name
    let named = Array(arguments.positional.dropFirst())
    guard named.isEmpty else {
      addresses = named
      return
    }
    let run = try LiveRun(name: arguments.value("name"))
    let all = try ReplayAddresses.all(of: run)
    addresses = verb == .restore ? try Self.shards(all, ofSnapshot: name, in: run) : all
  }

  /// The shards that have a part of a snapshot; each restores its own part. If the run's folder has
  /// no such snapshot, all shards are asked, and say so.
  ///
  /// - Throws: `LaunchError` if the shard of a part does not run: the other shards would restore
  ///   only a part of the experience.
  private static func shards(
    _ addresses: [String], ofSnapshot name: String, in run: LiveRun
  ) throws -> [String] {
    let parts = DirectoryNames.of("\(run.folder)/snapshots/\(name)").compactMap(Int.init).filter { $0 > 0 }
    guard let last = parts.max() else { return addresses }
    guard last <= addresses.count else {
      throw LaunchError(
        "the snapshot '\(name)' has parts of \(last) shards, but only \(addresses.count) "
          + "\(addresses.count == 1 ? "runs" : "run"); start them with rookery scale replay=\(last), or name an address to "
          + "restore that shard's part")
    }
    return parts.sorted().map { addresses[$0 - 1] }
  }

  func execute() throws -> ExitCode {
    var generator = SeededGenerator.fromSystem()
    var result = ExitCode.success
    for address in addresses {
      let request = SnapshotRequest(id: Identifier(using: &generator), verb: verb, name: name)
      if try !complete(request, at: address) { result = .failure }
    }
    return result
  }

  /// Waits until a request is done and prints its result; false if it failed.
  private func complete(_ request: SnapshotRequest, at address: String) throws -> Bool {
    let start = SystemClock.now()
    do {
      let status = try ServiceClient.run(request, at: address)
      if status.state == .failed {
        complain("\(address): \(status.text)")
        return false
      }
      let seconds = (SystemClock.now() - start).seconds
      print(
        "\(verb) of \(Format.count(Double(status.bytesTotal)))B in \(Format.number(seconds)) s: \(status.text)"
      )
      return true
    } catch let problem as NoAnswer {
      complain("\(problem)")
      return false
    }
  }

  private func complain(_ text: String) { CommandLineInterface.complain(text) }
}
