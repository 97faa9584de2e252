// The sizes of answers.

import Experience
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct AnswerSizesTests {
  private func sizes(_ configure: (inout ReplayMachine.Configuration) -> Void) -> AnswerSizes {
    var configuration = ReplayMachine.Configuration(store: Fixtures.store())
    configure(&configuration)
    return AnswerSizes(configuration)
  }

  private func request(_ count: Int) -> SampleRequest { SampleRequest(request: 1, table: 0, count: count) }

  /// Observation, action, reward, discount and next observation of 4 bytes each, and 20.
  @Test func rowsAreBoundedOnceTheSchemaIsKnown() {
    var sizes = sizes { $0.answerBytesMax = 200 }
    #expect(sizes.rowsMax(0) == 8 && sizes.problem(of: request(8)) == nil)
    #expect(sizes.problem(of: request(9)) == "expected 1 to 8 items of table 'experience', found 9")
    sizes.adopt(Fixtures.schema)
    #expect(sizes.rowsMax(0) == 5 && sizes.problem(of: request(5)) == nil)
    #expect(
      sizes.problem(of: request(6))?.contains("items of 40 bytes each, but an answer has at most") == true)
    #expect(
      sizes.problem(of: request(.max))?.contains("bytes each, but an answer has at most 200 bytes") == true)
    #expect(sizes.problem(of: request(0)) != nil)
    #expect(
      sizes.problem(of: SampleRequest(request: 1, table: 1, count: 1))
        == "expected a table below 1, found table 1")
    sizes.adopt(nil)
    #expect(sizes.rowsMax(0) == 8)
  }

  /// One row may always be requested, and is a part of its own.
  @Test func partsHoldWholeRows() {
    var sizes = sizes {
      $0.answerBytesMax = 1
      $0.partBytes = 100
    }
    sizes.adopt(Fixtures.schema)
    #expect(sizes.rowsMax(0) == 1)
    #expect(sizes.parts(of: request(1)) == (rowsPerPart: 1, parts: 1, bytes: 40))
    #expect(sizes.parts(of: request(5)) == (rowsPerPart: 2, parts: 3, bytes: 200))
  }
}
