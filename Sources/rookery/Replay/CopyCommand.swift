// `rookery snapshot` and `rookery restore`.

internal import Experience
internal import Foundations
internal import Wire

/// Makes a snapshot of what a replay holds, or brings one back, and says how it goes until it is done.
struct CopyCommand {
  private let verb: CopyVerb
  private let name: String
  private let addresses: [String]

  /// `rookery snapshot NAME [ADDRESS…] [-p RUN]`
  init(_ verb: CopyVerb, _ list: [String]) throws {
    let arguments = try Arguments(list, valued: ["name"], short: ["p": "name"])
    guard let name = arguments.positional.first else {
      throw UsageError("expected rookery \(verb) NAME [ADDRESS…] [-p RUN]")
    }
    self.verb = verb
    self.name = name
    addresses = try ReplayAddresses.of(Array(arguments.positional.dropFirst()), run: arguments.value("name"))
  }

  func execute() throws -> ExitCode {
    var generator = SeededGenerator.fromSystem()
    var result = ExitCode.success
    for address in addresses {
      let request = CopyRequest(id: Identifier(using: &generator), verb: verb, name: name)
      if try !follow(request, at: address) { result = .failure }
    }
    return result
  }

  /// Asks until it is done; whether it went well.
  private func follow(_ request: CopyRequest, at address: String) throws -> Bool {
    let start = SystemClock.now()
    do {
      let status = try CommandLineInterface.copy(request, at: address)
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
