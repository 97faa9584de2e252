// Sizes and descriptions of fields, flags and identifiers.

import Experience
import Testing

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
}
