// The effective configuration as text.

extension EffectiveConfiguration {
  /// One line per key: `key: value   # its source`.
  public var show: String {
    let lines = entries.map { ("\($0.key): \($0.value)", "# \($0.source)\(annotation(of: $0.key))") }
    let width = lines.map(\.0.count).filter { $0 <= 60 }.max() ?? 0
    return lines.map { left, right in
      left + String(repeating: " ", count: max(0, width - left.count)) + "   " + right + "\n"
    }.joined()
  }

  private func annotation(of key: String) -> String {
    let isComputed = run.replay.rateLimiter.errorBuffer == 0 && run.replay.rateLimiter.samplesPerInsert > 0
    guard key == "replay.rate_limiter.error_buffer", isComputed else { return "" }
    return ", computed: \(YAMLText.number(run.errorBuffer))"
  }
}

extension RunConfiguration {
  /// Every key with its present value, in order.
  public var entries: [ConfigurationEntry] {
    var copy = self
    var reader = ConfigurationReader()
    copy.read(&reader)
    return reader.entries
  }

  /// YAML that reads back as this configuration.
  public var yaml: String {
    var text = "# The effective configuration of run \(name).\n"
    var open: [Substring] = []
    for entry in entries {
      let parts = entry.key.split(separator: ".")
      let sections = parts.dropLast()
      let shared = zip(open, sections).prefix { $0 == $1 }.count
      for depth in shared..<sections.count {
        text += String(repeating: "  ", count: depth) + sections[depth] + ":\n"
      }
      open = Array(sections)
      text += String(repeating: "  ", count: sections.count) + parts[sections.count] + ": \(entry.value)\n"
    }
    return text
  }
}
