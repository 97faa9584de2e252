// Sizes and descriptions of fields, flags and identifiers.

import Testing

@testable import Experience

@Suite struct FieldTests {
  @Test func sizesOfElements() {
    #expect(DType.allCases.map(\.byteCount) == [1, 4, 8, 4, 8])
    #expect(DType.allCases.map(\.name) == ["uint8", "int32", "int64", "float32", "float64"])
    #expect(DType.allCases.map(\.rawValue) == [1, 2, 3, 4, 5])
  }

  @Test func sizesOfRows() {
    let scalar = Field("reward", .float32)
    #expect((scalar.elementCount, scalar.byteCount) == (1, 4))
    let image = Field("observation", .uint8, shape: [84, 84], stack: 4)
    // A stacked frame is sent and stored once.
    #expect((image.elementCount, image.byteCount) == (7056, 7056))
    let vector = Field("state", .float64, shape: [3, 2])
    #expect((vector.elementCount, vector.byteCount) == (6, 48))
  }

  @Test func descriptions() {
    #expect("\(Field("reward", .float32))" == "reward: float32")
    #expect(
      "\(Field("observation", .uint8, shape: [84, 84], stack: 4))" == "observation: uint8[84, 84] stack 4")
  }

  @Test func flagsAreOneBitEach() {
    #expect([StepFlags.isFirst, .isLast, .isTerminal].map(\.rawValue) == [1, 2, 4])
    #expect(StepFlags.known.rawValue == 7)
  }

  @Test func identifiersShowAllTheirDigits() {
    #expect(Identifier(high: 0xAB, low: 1).description == "00000000000000ab0000000000000001")
    #expect(Identifier.zero.description == String(repeating: "0", count: 32))
    var generator = SystemRandomNumberGenerator()
    #expect(Identifier(using: &generator) != Identifier(using: &generator))
  }

  /// Against Python's hashlib, as in `docs/PROTOCOL.md`.
  @Test func aPublicNameIsTheHashOfAnId() {
    let id = Identifier(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
    #expect(id.publicName.description == "a8faed6abbf35c12a4b26e40f6feb19d")
    #expect(Identifier.zero.publicName.description == "374708fff7719dd5979ec875d56cd228")
  }

  @Test func theHashIsTheStandardsOverSeveralBlocks() {
    func hex(_ words: [UInt32]) -> String {
      words.map { word in
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
      }.joined()
    }
    #expect(
      hex(SHA256.of(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      hex(SHA256.of([UInt8](repeating: 0x61, count: 119)))
        == "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb")
  }
}
