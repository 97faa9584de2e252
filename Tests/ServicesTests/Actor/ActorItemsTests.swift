// The items that an actor makes for tables of every kind.

import Algorithms
import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct ActorItemsTests {
  private struct Key: Hashable {
    var table: Int
    var stream: UInt32
    var first: UInt64
  }

  private let fixture = try! BatchFixture()
  private var tables: [TableSchema] {
    fixture.tables.enumerated().map { TableSchema(name: "t\($0)", kind: $1.kind) }
  }

  /// Item spans of a message.
  private func take(_ items: inout ActorItems, into found: inout [Key: Int]) throws {
    let frame = FrameWriter()
    Insert.begin(frame, sequence: 1, chunks: 0)
    items.encode(into: frame)
    try Fixtures.withInsertion(frame.array(), fixture.schema) { insertion in
      for block in insertion.items {
        let isTransition = if case .transition = tables[block.table].kind { true } else { false }
        #expect((block.priorities != nil) == isTransition && block.count > 0)
        for item in (0..<block.count).map({ block[$0] }) {
          let key = Key(table: block.table, stream: item.stream, first: item.firstIndex)
          #expect(found.updateValue(item.count, forKey: key) == nil)
        }
      }
    }
  }

  private func tick(_ items: inout ActorItems, _ row: Int, truncatingLater: Bool = false) {
    let zeros = [Float](repeating: 0, count: fixture.streams.count)
    let decided = PolicyRows(count: zeros.count, actions: .discrete(2))
    let flags = fixture.streams.map { $0.flags[row] }
    let isLate = flags.map { truncatingLater && $0 == StepFlags.isLast.rawValue }
    items.observe(
      index: UInt64(row), range: flags.indices, flags: zip(flags, isLate).map { $1 ? 0 : $0 }, decided)
    items.setRewards(index: UInt64(row), range: flags.indices, zeros)
    for stream in flags.indices where isLate[stream] {
      items.truncate(stream, index: UInt64(row), stateValue: 0)
    }
  }

  /// The reference items from NumPy, or those of them that `isKept` accepts.
  private func expected(_ isKept: (Item) -> Bool = { _ in true }) -> [Key: Int] {
    var expected: [Key: Int] = [:]
    for (number, table) in fixture.tables.enumerated() {
      for item in table.items where isKept(item) {
        expected[Key(table: number, stream: item.stream, first: item.firstIndex)] = item.count
      }
    }
    return expected
  }

  @Test(arguments: [false, true]) func itemsAreThoseOfNumpy(truncatingLater: Bool) throws {
    var items = ActorItems(count: fixture.streams.count, tables: tables, priority: TransitionPriority())
    var found: [Key: Int] = [:]
    for row in 0..<fixture.count {
      tick(&items, row, truncatingLater: truncatingLater)
      if row % 7 == 3 { try take(&items, into: &found) }
    }
    try take(&items, into: &found)
    #expect(found == expected() && found.count > 200)
  }

  @Test func rowsThatAreNotSentEndNoItem() throws {
    var items = ActorItems(count: fixture.streams.count, tables: tables, priority: TransitionPriority())
    for row in 0..<40 { tick(&items, row) }
    items.drop(from: 33)
    var found: [Key: Int] = [:]
    try take(&items, into: &found)
    #expect(found == expected { $0.firstIndex + UInt64($0.count) <= 33 })
  }

  @Test func nothingStartsBeforeACut() throws {
    var items = ActorItems(count: fixture.streams.count, tables: tables, priority: TransitionPriority())
    for row in 0..<40 { tick(&items, row) }
    items.cut(at: 30, next: 40)
    for row in 40..<fixture.count { tick(&items, row) }
    var found: [Key: Int] = [:]
    try take(&items, into: &found)
    #expect(found == expected { $0.firstIndex >= 30 })
  }
}
