// Which clients are remembered, and which make room.

import Experience
import Foundations
import Testing

@testable import Services

@Suite struct RosterTests {
  private struct Member: RosterMember {
    var isProven = false
    var lastHeard = Instant.at(0)
  }

  private var roster = Roster<Int, Member>(countMax: 3, replaceableAfter: .seconds(60))

  @Test mutating func theOldestNewcomerMakesRoom() {
    for key in 1...3 {
      #expect(roster.admission(now: .at(0)) == .free)
      roster.append(Member(), as: key)
    }
    roster[1]?.isProven = true
    #expect(roster.admission(now: .at(0)) == .instead(of: 2))
    #expect(roster.remove(2) != nil && roster.remove(2) == nil)
    #expect(roster.admission(now: .at(0)) == .free)
    roster.append(Member(), as: 4)
    roster[3]?.isProven = true
    #expect(roster.admission(now: .at(0)) == .instead(of: 4))
  }

  @Test mutating func whereAllHaveDoneSomethingTheLongSilentGo() {
    for key in 1...3 { roster[key] = Member(isProven: true, lastHeard: .at(Double(key) * 1000)) }
    #expect(roster.admission(now: .at(60_999)) == .full)
    #expect(roster.admission(now: .at(61_000)) == .instead(of: 1))
    #expect(roster.silent(for: .seconds(10), now: .at(12_000)).sorted() == [1, 2])
  }

  /// The lists stay in proportion no matter how many clients come and are replaced.
  @Test mutating func newcomersWithoutEndTakeNoMemory() {
    for key in 0..<10_000 {
      if case .instead(let replaced) = roster.admission(now: .at(0)) { _ = roster.remove(replaced) }
      roster.append(Member(), as: key)
    }
    #expect(roster.members.keys.sorted() == [9997, 9998, 9999])
  }
}
