// When batches that are not finite end a training.

import Foundations
import Glibc
import Numerics
import Testing

@testable import Services

@Suite struct BatchJudgeTests {
  @Test func tenInARowAreDivergence() {
    var judge = BatchJudge()
    for _ in 0..<9 { #expect(judge.recordNotFinite() == .goOn) }
    #expect(judge.inARow == 9)
    #expect(judge.recordNotFinite() == .diverged(.inARow))
  }

  @Test func aTrainedBatchEndsTheRow() {
    var judge = BatchJudge()
    for _ in 0..<9 { _ = judge.recordNotFinite() }
    judge.recordTrained()
    for _ in 0..<9 { #expect(judge.recordNotFinite() == .goOn) }
    #expect(judge.recordNotFinite() == .diverged(.inARow))
  }

  @Test func oneOnTheLastGoodWeightsIsDivergence() {
    var judge = BatchJudge(isOnLastGoodWeights: true)
    #expect(judge.recordNotFinite() == .diverged(.onLastGoodWeights))
    judge = BatchJudge(isOnLastGoodWeights: true)
    judge.recordTrained()
    #expect(judge.recordNotFinite() == .goOn)
  }
}

@Suite struct LeftOutRowsTests {
  private let path = "/tmp/rookery-test-\(getpid())-left-out.safetensors"

  @Test func theOldestAreForgotten() {
    var rows = LeftOutRows()
    let count = UInt64(LeftOutRows.countMax)
    for value in 0..<count + 3 { rows.insert(value) }
    rows.insert(count)
    #expect(rows.count == LeftOutRows.countMax && rows.forgotten == 3)
    #expect(!rows.contains(2) && rows.contains(3) && rows.contains(count + 2))
  }

  @Test func aFileKeepsThemInOrder() throws {
    defer { unlink(path) }
    #expect(try LeftOutRows(path: path).isEmpty)
    var rows = LeftOutRows()
    let count = UInt64(LeftOutRows.countMax)
    for value in 0..<count + 3 { rows.insert(value &* 0x9E37_79B9_7F4A_7C15) }
    rows.isAfterDivergence = true
    try rows.write(to: path)
    var again = try LeftOutRows(path: path)
    #expect(again.count == LeftOutRows.countMax && again.isAfterDivergence && again.forgotten == 0)
    again.insert(1)
    #expect(!again.contains(3 &* 0x9E37_79B9_7F4A_7C15) && again.contains(4 &* 0x9E37_79B9_7F4A_7C15))
  }
}
