// The bounded reader against msgpack-c's writer, element by element.

import Foundations
import Testing
import Wire

@Suite struct FrameCursorTests {
  /// The cursor reads every value that msgpack-c writes.
  @Test func readsWhatMsgpackWrites() throws {
    var system = SystemRandomNumberGenerator()
    let seed = system.next()
    var random = SeededGenerator(seed: seed)
    let writer = FrameWriter(capacity: 64)
    for round in 0..<1500 {
      let value = RandomValue(depth: 3, using: &random)
      let bytes = Self.written(by: writer) { value.write(to: $0) }
      let found = try bytes.withUnsafeBytes { bytes in
        var cursor = FrameCursor(bytes)
        let found = try value.reread(from: &cursor)
        try cursor.close()
        return found
      }
      #expect(found == value, "seed \(seed), round \(round)")
    }
  }

  /// The head of a message is not compared: it is cut off.
  private static func written(by writer: FrameWriter, _ body: (FrameWriter) -> Void) -> [UInt8] {
    writer.begin(.healthRequest)
    let start = writer.count
    body(writer)
    return Array(writer.array()[start...])
  }

  private func read<Value>(
    _ bytes: [UInt8], _ body: (inout FrameCursor) throws(WireError) -> Value
  ) throws(WireError) -> Value {
    let result = bytes.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      return Result { () throws(WireError) in try body(&cursor) }
    }
    return try result.get()
  }

  /// Other writers use longer forms than they need; all are the same integer.
  @Test(
    arguments: [
      [0x07], [0xCC, 7], [0xCD, 0, 7], [0xCE, 0, 0, 0, 7], [0xCF, 0, 0, 0, 0, 0, 0, 0, 7], [0xD0, 7],
      [0xD1, 0, 7],
      [0xD2, 0, 0, 0, 7], [0xD3, 0, 0, 0, 0, 0, 0, 0, 7],
    ] as [[UInt8]])
  func integersOfAnyWidth(_ bytes: [UInt8]) throws {
    #expect(try read(bytes) { cursor throws(WireError) in try cursor.unsigned("x") } == 7)
    #expect(try read(bytes) { cursor throws(WireError) in try cursor.signed("x") } == 7)
    #expect(try read(bytes) { cursor throws(WireError) in try cursor.double("x") } == 7)
    #expect(try read(bytes) { cursor throws(WireError) in try cursor.count(max: 7, "x") } == 7)
    #expect(throws: WireError.self) {
      try read(bytes) { cursor throws(WireError) in try cursor.count(max: 6, "x") }
    }
  }

  @Test(
    arguments: [[0xFF], [0xD0, 0xFF], [0xD1, 0xFF, 0xFF], [0xD3] + Array(repeating: 0xFF, count: 8)]
      as [[UInt8]])
  func negativeIntegers(_ bytes: [UInt8]) throws {
    #expect(try read(bytes) { cursor throws(WireError) in try cursor.signed("x") } == -1)
    #expect(try read(bytes) { cursor throws(WireError) in try cursor.double("x") } == -1)
    #expect(throws: WireError(offset: 0, expected: "an integer ≥ 0 for x", found: "-1")) {
      try read(bytes) { cursor throws(WireError) in try cursor.unsigned("x") }
    }
  }

  /// Sizes in longer heads than needed, as some writers write them.
  @Test func sizesOfAnyWidth() throws {
    for head: [UInt8] in [[0xA1], [0xD9, 1], [0xDA, 0, 1], [0xDB, 0, 0, 0, 1]] {
      #expect(
        try read(head + [0x61]) { cursor throws(WireError) in try cursor.string(maxBytes: 1, "x") } == "a")
    }
    for head: [UInt8] in [[0xC4, 1], [0xC5, 0, 1], [0xC6, 0, 0, 0, 1]] {
      #expect(try read(head + [9]) { cursor throws(WireError) in Array(try cursor.binary("x")) } == [9])
    }
    for head: [UInt8] in [[0x91], [0xDC, 0, 1], [0xDD, 0, 0, 0, 1]] {
      #expect(try read(head) { cursor throws(WireError) in try cursor.array(max: 1, "x") } == 1)
    }
    for head: [UInt8] in [[0x81], [0xDE, 0, 1], [0xDF, 0, 0, 0, 1]] {
      #expect(try read(head) { cursor throws(WireError) in try cursor.map(max: 1, "x") } == 1)
    }
  }

  /// Every head byte that does not open the type asked for is named in the error.
  @Test func everyWrongHeadIsNamed() {
    let names = [
      (0xC0, "nil"), (0xC1, "the unused byte 0xC1"), (0xC2, "a boolean"), (0xC7, "an extension"),
      (0xD8, "an extension"),
      (0x80, "a map"), (0xDF, "a map"), (0x9F, "an array"), (0xDC, "an array"), (0xA0, "a string"),
      (0xDB, "a string"),
      (0xCB, "a float"), (0x00, "an integer"), (0xE0, "an integer"), (0xD3, "an integer"),
    ]
    for (head, name) in names {
      let error = WireError(offset: 0, expected: "a binary for x", found: name)
      #expect(throws: error, "\(head)") {
        try read([UInt8(head)]) { cursor throws(WireError) in try cursor.binary("x").count }
      }
    }
  }

  @Test func textsAreCutBetweenCharacters() throws {
    let writer = FrameWriter()
    // 3 bytes each: 4096 is not a multiple.
    let text = String(repeating: "∑", count: 2000)
    Refusal(code: .mismatch, type: 1, reference: 0, text: text).encode(into: writer)
    let found = try read(writer.array()) { cursor throws(WireError) in
      _ = try cursor.openMessage()
      return try Refusal(from: &cursor).text
    }
    #expect(found == String(repeating: "∑", count: 4096 / 3))
    // One character that is longer than the limit of a text.
    let stacked = "a" + String(repeating: "\u{301}", count: 3000)
    Refusal(code: .mismatch, type: 1, reference: 0, text: stacked).encode(into: writer)
    #expect(AnyMessage.problem(writer.array()) == nil)
  }

  /// Payloads start on multiples of 8, whatever comes before them and whatever their length.
  @Test(arguments: [0, 1, 7, 8, 255, 256, 65535, 65536]) func payloadsAreAligned(byteCount: Int) throws {
    for shift in 0..<9 {
      let writer = FrameWriter(capacity: 64)
      writer.string(String(repeating: "x", count: shift))
      let content = [UInt8](repeating: 0xAB, count: byteCount)
      content.withUnsafeBytes { writer.alignedBinary($0) }
      let bytes = writer.array()
      #expect((bytes.count - byteCount) % 8 == 0)
      let found = try read(bytes) { cursor throws(WireError) in
        _ = try cursor.string(maxBytes: 16, "x")
        return Array(try cursor.alignedBinary(byteCount: byteCount, "y"))
      }
      #expect(found == content)
    }
  }
}
