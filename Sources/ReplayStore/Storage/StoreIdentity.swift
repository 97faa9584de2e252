// What a store's folder was made for.

internal import Experience
internal import Foundations
internal import Glibc

/// The text beside a store's files that says what they hold. Only a store that would write the same
/// text uses the folder.
///
///     rookery replay store 1
///     capacity 1000000
///     field float32 1 7 observation
///     table replay transition(nStep: 3, discount: 0.99)
struct StoreIdentity {
  static let version = 1
  /// Lines after the first two hold the schema's fields, then the tables.
  private(set) var lines: [String]

  init(configuration: ReplayStoreConfiguration, schema: StepSchema) {
    lines = ["rookery replay store \(Self.version)", "capacity \(configuration.capacity)"]
    for field in schema.fields {
      let shape = field.shape.isEmpty ? "-" : field.shape.map(String.init).joined(separator: ",")
      lines.append("field \(field.dtype.name) \(field.stack) \(shape) \(Self.escaped(field.name))")
    }
    for table in configuration.tables {
      lines.append("table \(Self.escaped(table.schema.name)) \(table.schema.kind)")
    }
  }

  /// A name within a line: `%`, line ends and bytes that are not ASCII become `%` and two
  /// hexadecimal digits.
  private static func escaped(_ name: String) -> String {
    name.utf8.map { byte in
      (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "%")
        ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  private static func unescaped(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
      bytes.append(code)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The start of a line, short enough for a message: a damaged file may be one line of any length.
  private static func shown(_ line: String) -> String {
    line.unicodeScalars.count > 200 ? String(line.unicodeScalars.prefix(200)) + "…" : line
  }

  private init(lines: [String]) {
    self.lines = lines
  }

  /// Reads an identity; nil if the file does not exist. Throws `storage` if it cannot be read or is
  /// not an identity.
  static func read(_ path: String) throws(ReplayStoreError) -> StoreIdentity? {
    let text: String
    do {
      // Enough for 64 fields and 64 tables with the longest names.
      text = try SystemText.contents(of: path, maxBytes: 1 << 18)
    } catch {
      if error.code == ENOENT { return nil }
      throw .storage(error.description)
    }
    let lines = text.split(separator: "\n").map(String.init)
    guard let first = lines.first, first.hasPrefix("rookery replay store ") else {
      throw .storage("\(path): expected the description of a replay store, found something else")
    }
    return StoreIdentity(lines: lines)
  }

  /// Writes the file whole or not at all.
  func write(_ path: String) throws(ReplayStoreError) {
    do {
      try AtomicFile.replace(path, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    } catch {
      throw .storage("\(error)")
    }
  }

  /// The first difference from the identity that a store expects; nil if there is none.
  func difference(from expected: StoreIdentity) -> String? {
    for index in 0..<max(lines.count, expected.lines.count) {
      let found = index < lines.count ? lines[index] : "nothing"
      let wanted = index < expected.lines.count ? expected.lines[index] : "nothing"
      if found != wanted { return "expected '\(wanted)', found '\(Self.shown(found))'" }
    }
    return nil
  }

  /// The schema that it names. Throws `storage` if a line is not in the format that `init` writes.
  func schema() throws(ReplayStoreError) -> StepSchema {
    var fields: [Field] = []
    for line in lines where line.hasPrefix("field ") {
      let parts = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
      let shape = parts.count == 5 && parts[3] != "-" ? parts[3].split(separator: ",").map { Int($0) } : []
      guard parts.count == 5, let dtype = DType.allCases.first(where: { $0.name == parts[1] }),
        let stack = Int(parts[2]), !shape.contains(nil), let name = Self.unescaped(parts[4])
      else { throw .storage("identity: expected 'field TYPE STACK SHAPE NAME', found '\(Self.shown(line))'") }
      fields.append(Field(name, dtype, shape: shape.compactMap { $0 }, stack: stack))
    }
    let schema = StepSchema(fields: fields)
    if let problem = schema.problem {
      throw .storage("identity: expected a valid schema, found one that is not: \(problem)")
    }
    return schema
  }
}
