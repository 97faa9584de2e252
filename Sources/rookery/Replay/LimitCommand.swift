// `rookery limit`: prints or changes the limits of a live rate limiter.

internal import Console
internal import Foundations
internal import Services
internal import Wire

extension CommandLineInterface {
  /// `rookery limit [ADDRESS…] [-p NAME] [--table T] [--samples-per-insert X] [--min-size N]
  /// [--error-min A] [--error-max B]`
  static func limitReplay(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(
      list,
      valued: ["name", "table", "samples-per-insert", "min-size", "error-min", "error-max", "timeout"],
      short: ["p": "name"])
    let timeout = try arguments.integer("timeout", in: 1...3600) ?? 10
    let request = LimitsRequest(
      table: arguments.value("table"), samplesPerInsert: try number("samples-per-insert", arguments),
      minSize: try arguments.integer("min-size", in: 1...Int(Limits.number)).map { UInt64($0) },
      errorMin: try number("error-min", arguments), errorMax: try number("error-max", arguments))
    for address in try ReplayAddresses.of(arguments.positional, run: arguments.value("name")) {
      let found = try ServiceClient.answer(of: address, within: timeout, to: request.encode, as: .limits) {
        (cursor) throws(WireError) in try LimitsAnswer(from: &cursor)
      }
      print(
        "\(address), table \(found.table): samples per insert \(found.samplesPerInsert), min size \(found.minSize), error "
          + "\(found.errorMin) to \(found.errorMax); now \(found.size) items, error \(found.error)"
          + (request.asksForChange ? "; until this service ends" : ""))
    }
    return .success
  }

  /// The value of a flag; `inf` and `-inf` mean no bound.
  private static func number(_ name: String, _ arguments: Arguments) throws -> Double? {
    guard let text = arguments.value(name) else { return nil }
    guard let number = Double(text), !number.isNaN else {
      throw UsageError("--\(name): expected a number, inf or -inf, found '\(text)'")
    }
    return number
  }
}
