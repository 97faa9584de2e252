// Whether a recording fits a run, before anything starts.

public import Configuration
internal import Experience
internal import Recordings

extension EffectiveConfiguration {
  /// Why a run of this configuration cannot play a recording, and what to do; nil if it can, or if
  /// the path is empty. The environment's shapes must be known (`withEnvironmentFacts`).
  ///
  /// - Throws: `RecordingError` if it cannot be opened.
  public func problem(playing path: String) throws -> String? {
    if path.isEmpty { return nil }
    let reader = try RecordingReader(path: path)
    guard let source = reader.sources.compactMap({ $0 }).first,
      reader.blocks.contains(where: { $0.header.messages > 0 })
    else { return "\(path): expected messages that can be read, found none" }
    let advice = "play another recording, or set what differs in the configuration"
    if let problem = run.stepSchema(of: try run.environmentSpec()).mismatch(with: source.schema) {
      return "\(path) is not of \(run.environment.id): \(problem); \(advice)"
    }
    return run.tableSchemas.mismatch(with: source.tables).map { "\(path): \($0); \(advice)" }
  }
}
