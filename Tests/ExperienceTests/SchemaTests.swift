// Which schemas are usable, and what is said when two differ.

import Experience
import Testing

@Suite struct SchemaTests {
  private let cartPole = StepSchema.discrete(observation: [4])

  @Test func columnsAndBytes() {
    #expect(cartPole.fields.map(\.name) == ["observation", "action", "reward"])
    #expect(cartPole.columnCount == 4)
    #expect(cartPole.stepByteCount == 16 + 4 + 4 + 1)
    #expect(cartPole.index(of: "reward") == 2)
    #expect(cartPole.index(of: "value") == nil)
    #expect(cartPole.problem == nil)
  }

  @Test func mismatchNamesTheFirstDifference() {
    #expect(cartPole.mismatch(with: .discrete(observation: [4])) == nil)
    #expect(
      cartPole.mismatch(with: .discrete(observation: [6]))
        == "field 0: expected observation: float32[4], found observation: float32[6]")
    #expect(
      cartPole.mismatch(with: .discrete(observation: [4], dtype: .uint8, stack: 4))
        == "field 0: expected observation: float32[4], found observation: uint8[4] stack 4")
    var other = cartPole
    other.fields.swapAt(1, 2)
    #expect(cartPole.mismatch(with: other) == "field 1: expected action: int32, found reward: float32")
    other = cartPole
    other.fields.removeLast()
    #expect(cartPole.mismatch(with: other) == "field 2: expected reward: float32, found none")
    other = cartPole
    other.fields.append(Field("value", .float32))
    #expect(cartPole.mismatch(with: other) == "field 3: expected none, found value: float32")
  }

  private func problem(_ fields: Field...) -> String? { StepSchema(fields: fields).problem }

  @Test func schemasThatCannotBe() {
    #expect(problem() == "expected 1 to 64 fields, found 0")
    let many = (0..<65).map { Field("f\($0)", .uint8) }
    #expect(StepSchema(fields: many).problem == "expected 1 to 64 fields, found 65")
    #expect(StepSchema(fields: Array(many.dropLast())).problem == nil)
    #expect(problem(Field("", .uint8)) == "field name '': expected 1 to 64 bytes")
    #expect(
      problem(Field(String(repeating: "é", count: 33), .uint8))?.hasSuffix("expected 1 to 64 bytes") == true)
    #expect(problem(Field("a", .uint8), Field("a", .int32)) == "field 'a' is declared twice")
    #expect(
      problem(Field("a", .uint8, shape: [0])) == "field 'a': shape [0] is empty or larger than 1 GiB a step")
    #expect(problem(Field("a", .uint8, shape: [-1]))?.contains("shape [-1] is empty") == true)
    #expect(problem(Field("a", .uint8, stack: 0)) == "field 'a': expected stack 1 to 64, found 0")
    #expect(problem(Field("a", .uint8, stack: 65)) == "field 'a': expected stack 1 to 64, found 65")
  }

  @Test func bytesAreBounded() {
    #expect(
      problem(Field("a", .float32, shape: [1 << 28])) == "a step of 1073741825 bytes is larger than 1 GiB")
    #expect(problem(Field("a", .float32, shape: [1 << 28 - 1])) == nil)
    #expect(problem(Field("a", .float32, shape: [1 << 29]))?.contains("larger than 1 GiB") == true)
    #expect(problem(Field("a", .float32, shape: [1 << 32, 1 << 32]))?.contains("larger than 1 GiB") == true)
    // The size in a batch counts: 64 planes.
    #expect(problem(Field("a", .uint8, shape: [1 << 24], stack: 64)) == nil)
    #expect(
      problem(Field("a", .uint8, shape: [1 << 24 + 1], stack: 64))?.contains("larger than 1 GiB") == true)
    // Each field is within bounds, all together are not.
    #expect(
      problem(Field("a", .uint8, shape: [1 << 30 - 1]), Field("b", .uint8, shape: [2]))
        == "a step of 1073741826 bytes is larger than 1 GiB")
  }

  /// A batch has the planes of a stack as one more dimension, and the wire allows eight.
  @Test func dimensionsAreBounded() {
    let eight = Array(repeating: 1, count: 8)
    #expect(problem(Field("a", .uint8, shape: eight)) == nil)
    #expect(
      problem(Field("a", .uint8, shape: eight + [1]))
        == "field 'a': expected at most 8 dimensions with its stack, found 9")
    #expect(
      problem(Field("a", .uint8, shape: eight, stack: 2))
        == "field 'a': expected at most 8 dimensions with its stack, found 9")
  }
}

@Suite struct TableSchemaTests {
  private let table = TableSchema(name: "experience", kind: .transition(nStep: 3, discount: 0.5))

  @Test func mismatchNamesWhatDiffers() {
    #expect(table.mismatch(with: table) == nil)
    #expect(
      table.mismatch(with: TableSchema(name: "other", kind: table.kind))
        == "table: expected 'experience', found 'other'")
    #expect(
      table.mismatch(with: TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.5)))
        == "table 'experience': expected n-step 3, found 1")
    #expect(
      table.mismatch(with: TableSchema(name: "experience", kind: .transition(nStep: 3, discount: 0.25)))
        == "table 'experience': expected discount 0.5, found 0.25")
    #expect(
      table.mismatch(with: TableSchema(name: "experience", kind: .transition(nStep: 3, discount: .nan)))
        == "table 'experience': expected discount 0.5, found nan")
  }

  @Test func mismatchOfOtherKinds() {
    func table(_ kind: TableKind) -> TableSchema { TableSchema(name: "t", kind: kind) }
    let sequence = table(.sequence(length: 80, period: 40, episodes: .pad))
    #expect(sequence.mismatch(with: sequence) == nil)
    #expect(table(.record).mismatch(with: table(.record)) == nil)
    #expect(
      table(.record).mismatch(with: sequence) == "table 't': expected kind record, found sequence")
    #expect(
      sequence.mismatch(with: table(.transition(nStep: 1, discount: 1)))
        == "table 't': expected kind sequence, found transition")
    #expect(
      sequence.mismatch(with: table(.sequence(length: 20, period: 40, episodes: .pad)))
        == "table 't': expected length 80, found 20")
    #expect(
      sequence.mismatch(with: table(.sequence(length: 80, period: 20, episodes: .pad)))
        == "table 't': expected period 40, found 20")
    #expect(
      sequence.mismatch(with: table(.sequence(length: 80, period: 40, episodes: .cross)))
        == "table 't': expected episodes pad, found cross")
  }

  @Test func batchesOfSequencesAndRecords() {
    let schema = StepSchema.discrete(observation: [84, 84], dtype: .uint8, stack: 4)
    func fields(_ kind: TableKind) -> [Field] { TableSchema(name: "t", kind: kind).batchFields(of: schema) }
    let rows = [
      Field("observation", .uint8, shape: [20, 4, 84, 84]), Field("action", .int32, shape: [20]),
      Field("reward", .float32, shape: [20]), Field("flags", .uint8, shape: [20]),
    ]
    #expect(fields(.sequence(length: 20, period: 19, episodes: .cross)) == rows)
    #expect(
      fields(.sequence(length: 20, period: 19, episodes: .pad)) == rows + [Field("valid_length", .int32)])
    #expect(
      fields(.record) == [
        Field("observation", .uint8, shape: [4, 84, 84]), Field("action", .int32), Field("reward", .float32),
        Field("flags", .uint8),
      ])
  }

  @Test func whatTablesAskOfSteps() {
    func problem(_ kind: TableKind, _ fields: Field...) -> String? {
      TableSchema(name: "t", kind: kind).problem(of: StepSchema(fields: fields))
    }
    let transition = TableKind.transition(nStep: 1, discount: 1)
    let sequence = TableKind.sequence(length: 1000, period: 1, episodes: .pad)
    #expect(problem(transition, Field("action", .int32)) == "expected a field 'observation', found none")
    #expect(problem(.record, Field("anything", .int32)) == nil)
    #expect(problem(sequence, Field("anything", .int32)) == nil)
    #expect(
      problem(.record, Field("flags", .int32))
        == "expected no field 'flags', which its batches have a column of, found one")
    #expect(
      problem(sequence, Field("valid_length", .int32))
        == "expected no field 'valid_length', which its batches have a column of, found one")
    #expect(problem(.record, Field("a", .uint8, shape: Array(repeating: 1, count: 8))) == nil)
    #expect(
      problem(sequence, Field("a", .uint8, shape: Array(repeating: 1, count: 7), stack: 2))
        == "expected at most 8 dimensions in a batch, found 9 of 'a'")
    #expect(
      problem(sequence, Field("a", .uint8, shape: [1 << 21]))
        == "expected items of at most 1 GiB, found larger ones")
  }

  @Test func batchesOfTransitions() {
    var schema = StepSchema.discrete(observation: [84, 84], dtype: .uint8, stack: 4)
    schema.fields.append(Field("log_probability", .float32))
    #expect(
      table.batchFields(of: schema) == [
        Field("observation", .uint8, shape: [4, 84, 84]), Field("action", .int32), Field("reward", .float32),
        Field("log_probability", .float32), Field("discount", .float32),
        Field("next_observation", .uint8, shape: [4, 84, 84]),
      ])
  }

  @Test func batchesWithoutAnObservation() {
    let schema = StepSchema(fields: [Field("action", .int32)])
    #expect(table.batchFields(of: schema).map(\.name) == ["action", "discount"])
  }
}

@Suite struct WeightsManifestTests {
  private let manifest = WeightsManifest(tensors: [
    TensorSpec(name: "w", shape: [2, 3]), TensorSpec(name: "b", shape: [2]), TensorSpec(name: "s", shape: []),
  ])

  @Test func elements() {
    #expect(manifest.tensors.map(\.elementCount) == [6, 2, 1])
    #expect(manifest.elementCount == 9)
  }

  @Test func mismatchNamesTheFirstDifference() {
    #expect(manifest.mismatch(with: manifest) == nil)
    var other = manifest
    other.tensors[1].shape = [3]
    #expect(manifest.mismatch(with: other) == "tensor 1: expected 'b' [2], found 'b' [3]")
    other.tensors = [manifest.tensors[0]]
    #expect(manifest.mismatch(with: other) == "tensor 1: expected 'b' [2], found none")
    other.tensors = manifest.tensors + [TensorSpec(name: "x", shape: [])]
    #expect(manifest.mismatch(with: other) == "expected 3 tensors, found 4")
  }
}
