// Safetensors files: round trips, and damaged files.

import Foundations
import Glibc
import Numerics
import Testing

@Suite struct SafetensorsTests {
  /// One tensor of each type; python/tests/test_safetensors.py has the same values.
  private func sample() throws -> SafetensorsWriter {
    var writer = SafetensorsWriter(metadata: ["made_by": "rookery", "quote\"é\n": "/x\\"])
    try writer.add("bytes", shape: [3], [UInt8]([0, 127, 255]))
    try writer.add("layer.weight", shape: [2, 3], [Float]([0, 1, -2, 0.5, .infinity, -0.1]))
    try writer.add("layer.bias", shape: [], [Float]([3.25]))
    try writer.add("steps", shape: [2], [Int64]([.min, .max]))
    try writer.add("exact", shape: [1, 2], [0.1, -1e300])
    try writer.add("none", shape: [0, 4], [Float]())
    return writer
  }

  @Test func roundTrip() throws {
    let path = "/tmp/rookery-test-\(getpid())-round.safetensors"
    defer { unlink(path) }
    try sample().write(to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["made_by": "rookery", "quote\"é\n": "/x\\"])
    #expect(
      Set(file.entries.map(\.name)) == ["bytes", "layer.weight", "layer.bias", "steps", "exact", "none"])
    #expect(try file.floats("layer.weight", shape: [2, 3]) == [0, 1, -2, 0.5, .infinity, -0.1])
    #expect(try file.floats("layer.bias", shape: []) == [3.25])
    #expect(try file.integers("steps") == [.min, .max])
    #expect(try file.doubles("exact") == [0.1, -1e300])
    #expect(try file.bytes("bytes") == [0, 127, 255])
    #expect(try file.floats("none", shape: [0, 4]).isEmpty)
    #expect(try sample().contents() == sample().contents())
    for entry in file.entries { #expect(entry.bytes.lowerBound % entry.type.byteCount == 0) }
  }

  @Test func emptyFile() throws {
    let contents = try SafetensorsWriter().contents()
    let file = try SafetensorsFile(contents: contents, path: "empty")
    #expect(file.entries.isEmpty && file.metadata.isEmpty)
  }

  @Test func anyChangedByteIsRefused() throws {
    let good = try sample().contents()
    // If the checksum's key is damaged, the file counts as one without a checksum.
    let key = try #require(good.firstRange(of: Array("rookery.checksum".utf8)))
    for index in good.indices where !key.contains(index) {
      var bad = good
      bad[index] ^= 1 << UInt8(index % 8)
      #expect(throws: SafetensorsError.self, "byte \(index)") {
        try SafetensorsFile(contents: bad, path: "x")
      }
    }
    var bad = good
    bad[good.count - 1] ^= 1
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(contents: bad, path: "a.b") }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("'a.b': metadata 'rookery.checksum': expected "), "\(text)")
    #expect(text.contains("use another checkpoint"), "\(text)")
  }

  @Test func namesThatStandTwiceAreRefused() throws {
    let one = tensor("[1]", "[0,4]")
    let headers = [
      #"{"w":\#(one),"w":\#(one)}"#, #"{"w":\#(one),"\u0077" : \#(one)}"#,
      #"{"__metadata__":{"w":"1","w":"2"},"v":\#(one)}"#,
    ]
    for header in headers {
      let error = #expect(throws: SafetensorsError.self) {
        try SafetensorsFile(contents: contents(header, data: 4), path: "x")
      }
      #expect(error?.description.contains("'w': expected each name once") == true, "\(header)")
    }
    // A name within a value, and a name at two depths, are no repetitions.
    let fine = #"{"__metadata__":{"w":"w","q":"\"w\":"},"w":\#(one)}"#
    #expect(try SafetensorsFile(contents: contents(fine, data: 4), path: "x").entries.count == 1)
  }

  @Test(arguments: ["9223372036854775808", "9007199254740993", "-1", "1.5", "", "99999999999999999999999"])
  func numbersOfTheMetadataAreBounded(_ text: String) throws {
    let writer = SafetensorsWriter(metadata: ["updates": text, "good": "9007199254740992"])
    let file = try SafetensorsFile(contents: try writer.contents(), path: "x")
    #expect(throws: SafetensorsError.self) { try file.count("updates") }
    #expect(try file.count("good") == 1 << 53 && file.count("none") == 0)
  }

  @Test func weightsThatAreNotFiniteAreNamed() throws {
    let file = try SafetensorsFile(contents: try sample().contents(), path: "x")
    let error = #expect(throws: SafetensorsError.self) { try file.finiteFloats("layer.weight") }
    #expect(
      error?.description
        == "'x': tensor 'layer.weight', element 4: expected a finite number, found inf; these weights cannot be used; "
        + "use another checkpoint")
    #expect(try file.finiteFloats("layer.bias") == [3.25])
  }

  @Test func wrongRequestsAreRefused() throws {
    let file = try SafetensorsFile(contents: sample().contents(), path: "a.safetensors")
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(
      message { _ = try file.floats("layer.weight", shape: [3, 2]) }
        == "'a.safetensors': tensor 'layer.weight': expected shape [3, 2], found [2, 3]")
    #expect(
      message { _ = try file.floats("steps") }
        == "'a.safetensors': tensor 'steps': expected type F32, found I64")
    #expect(message { _ = try file.floats("gone") }.contains("tensor 'gone'"))
    #expect(message { _ = try SafetensorsFile(path: "/no/such") }.contains("No such file"))
    #expect(message { _ = try SafetensorsFile(path: "/tmp") }.contains("regular file"))
    var writer = try sample()
    #expect(message { try writer.add("steps", shape: [1], [Float(1)]) }.contains("added before"))
    #expect(message { try writer.add("__metadata__", shape: [1], [Float(1)]) }.contains("reserved"))
    #expect(message { try writer.add("w", shape: [2], [Float(1)]) }.contains("shape [2]"))
    #expect(message { try writer.add("w", shape: [-1, -1], [Float(1)]) }.contains("shape [-1, -1]"))
    #expect(message { try writer.add("w", shape: [1 << 62, 4], [Float]()) }.contains("shape"))
    #expect(message { try writer.write(to: "/no/such/file") }.contains("No such file"))
  }

  private func contents(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
    let json = Array(header.utf8)
    let claimed = withUnsafeBytes(of: (length ?? UInt64(json.count)).littleEndian) { Array($0) }
    return claimed + json + [UInt8](repeating: 1, count: data)
  }

  private func tensor(_ shape: String, _ offsets: String, _ type: String = "F32") -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  /// Each false claim of a header is refused, and the message says where.
  @Test func hostileFilesAreRefused() {
    func expectRefused(_ contents: [UInt8], _ part: String, _ location: SourceLocation = #_sourceLocation) {
      do {
        _ = try SafetensorsFile(contents: contents, path: "x")
        Issue.record("accepted", sourceLocation: location)
      } catch { #expect("\(error)".contains(part), "\(error)", sourceLocation: location) }
    }
    func expectRefused(
      tensor: String, data: Int, _ part: String, _ location: SourceLocation = #_sourceLocation
    ) {
      expectRefused(contents(#"{"w":\#(tensor)}"#, data: data), part, location)
    }
    expectRefused([], "an empty file (0 bytes)")
    expectRefused([1, 2, 3], "at least 8 bytes")
    expectRefused(contents("", length: 0), "JSON object")
    expectRefused(contents("{}", length: 3), "header length")
    expectRefused(contents("{}", length: .max), "header length")
    expectRefused(contents("{}", length: 1 << 63), "header length")
    expectRefused(contents("[]"), "JSON object")
    expectRefused(contents("{\"w\":"), "header")
    expectRefused(contents("{\"w\":3}"), "header")
    expectRefused(contents("{\"w\":{}}"), "dtype")
    expectRefused(contents("{\"__metadata__\":{\"a\":1}}"), "header")
    expectRefused(contents(String(repeating: "{\"a\":", count: 100_000)), "header")
    expectRefused([4, 0, 0, 0, 0, 0, 0, 0] + Array("{\"".utf8) + [0xFF, 0xFE], "header")
    expectRefused(contents("{}", data: 4), "data")
    expectRefused(tensor: tensor("[1]", "[0,4]", "BF16"), data: 4, "'BF16'")
    expectRefused(tensor: tensor("[2]", "[0,4]"), data: 4, "8 bytes")
    expectRefused(tensor: tensor("[1]", "[0,4]"), data: 3, "data_offsets")
    expectRefused(tensor: tensor("[1]", "[4,0]"), data: 4, "data_offsets")
    expectRefused(tensor: tensor("[1]", "[-4,0]"), data: 4, "data_offsets")
    expectRefused(tensor: tensor("[1]", "[0]"), data: 4, "data_offsets")
    expectRefused(tensor: tensor("[1]", "[0,4,4]"), data: 4, "data_offsets")
    expectRefused(tensor: tensor("[1]", "[0,9223372036854775808]"), data: 4, "header")
    expectRefused(tensor: tensor("[1.5]", "[0,4]"), data: 4, "header")
    expectRefused(tensor: tensor("[-1]", "[0,4]"), data: 4, "shape")
    expectRefused(tensor: tensor("[-1,-1]", "[0,4]"), data: 4, "shape")
    expectRefused(tensor: tensor("[4611686018427387904,4]", "[0,0]"), data: 0, "shape")
    expectRefused(tensor: tensor("[2147483648,4294967296,2]", "[0,0]"), data: 0, "shape")
    expectRefused(tensor: tensor("[1]", "[4,8]"), data: 8, "from byte 0")
    let first = tensor("[2]", "[0,8]")
    expectRefused(contents("{\"a\":\(first),\"b\":\(tensor("[2]", "[4,12]"))}", data: 12), "from byte 8")
    expectRefused(contents("{\"a\":\(first),\"b\":\(first)}", data: 8), "from byte 8")
    expectRefused(contents("{\"a\":\(first),\"b\":\(tensor("[1]", "[12,16]"))}", data: 16), "from byte 8")
    expectRefused(contents("{\"a\":\(first)}", data: 9), "data")
    expectRefused(contents("{\"a\":\(first),\"a\":\(tensor("[1]", "[8,12]"))}", data: 12), "'x'")
  }

  /// A file with any byte changed or cut off is read or refused, never worse.
  @Test func damagedFilesNeverCrash() throws {
    // With a checksum and without: without one, damage reaches the header's checks.
    for good in [try sample().contents(), contents(#"{"w":\#(tensor("[2,3]", "[0,24]"))}"#, data: 24)] {
      try damage(good)
    }
  }

  private func damage(_ good: [UInt8]) throws {
    var generator = SeededGenerator(seed: 1)
    for length in 0..<good.count {
      #expect(throws: SafetensorsError.self) {
        try SafetensorsFile(contents: Array(good[..<length]), path: "x")
      }
    }
    var accepted = 0
    for _ in 0..<5000 {
      var bad = good
      for _ in 0...generator.below(3) { bad[generator.below(bad.count)] = UInt8(generator.below(256)) }
      if let file = try? SafetensorsFile(contents: bad, path: "x") {
        accepted += 1
        for entry in file.entries { _ = try? file.floats(entry.name) }
      }
    }
    let isChecked = String(decoding: good, as: UTF8.self).contains("rookery.checksum")
    #expect(isChecked || accepted > 0)
  }
}
