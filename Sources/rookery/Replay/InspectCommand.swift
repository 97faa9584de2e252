// `rookery inspect`: prints the contents of a replay.

internal import Console
internal import Experience
internal import Foundations
internal import Services
internal import Wire

extension CommandLineInterface {
  /// `rookery inspect [ADDRESS…] [-p NAME] [--table NAME] [--top N] [--item KEY] [--json]`
  static func inspectReplay(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(
      list, valued: ["name", "table", "top", "item", "timeout"], plain: ["json"], short: ["p": "name"])
    let timeout = try arguments.integer("timeout", in: 1...3600) ?? 10
    let request = InspectRequest(
      table: arguments.value("table"), top: try arguments.integer("top", in: 0...Limits.topItems) ?? 5,
      key: try arguments.integer("item", in: 0...Int(Limits.number)).map { UInt64($0) })
    for address in try ReplayAddresses.of(arguments.positional, run: arguments.value("name")) {
      let found = try ServiceClient.answer(of: address, within: timeout, to: request.encode, as: .inspection)
      {
        (cursor) throws(WireError) in try Inspection(from: &cursor)
      }
      let learner = try ServiceClient.answer(
        of: address, within: timeout, to: LearnerRequest.encode, as: .learner
      ) { (cursor) throws(WireError) in try Learner(from: &cursor) }
      if arguments.has("json") {
        print(try JSON.line(InspectionDocument(address: address, found, learner)), terminator: "")
      } else {
        print(InspectionText(address: address, found, learner, isItemAsked: request.key != nil).text)
      }
    }
    return .success
  }
}
