// When messages are due.

import Configuration
import Foundations
import Testing

@testable import Services

@Suite struct PlayClockTests {
  private func clock(_ speed: PlaySpeed) -> PlayClock {
    var clock = PlayClock(speed: speed)
    #expect(clock.due(5) == .never && !clock.hasBegun)
    clock.begin(at: .at(0), origin: 1_000)
    return clock
  }

  @Test func dueTimesFollowTheSpeed() {
    #expect(clock(.times(1)).due(1_000 + 40_000_000) == .at(40))
    #expect(clock(.times(10)).due(1_000 + 40_000_000) == .at(4))
    #expect(clock(.times(0.5)).due(1_000 + 40_000_000) == .at(80))
    #expect(clock(.max).due(.max) == .at(0))
  }

  @Test func aStandMovesEverythingAfterIt() {
    var clock = clock(.times(2))
    clock.stand(at: .at(10))
    clock.stand(at: .at(20))
    #expect(clock.standing(at: .at(40)) == .milliseconds(30))
    #expect(clock.waited(at: .at(40)) == .milliseconds(30))
    clock.goOn(at: .at(60))
    clock.goOn(at: .at(70))
    #expect(clock.waited(at: .at(80)) == .milliseconds(50))
    #expect(clock.due(1_000 + 40_000_000) == .at(70))
  }

  /// An ordinary wait for an acknowledgement is made up for.
  @Test func aShortStandMovesNothing() {
    var clock = clock(.times(1))
    clock.stand(at: .at(10))
    clock.goOn(at: .at(19))
    #expect(clock.waited(at: .at(20)) == .zero)
    #expect(clock.due(1_000 + 40_000_000) == .at(40))
  }

  /// A replay that accepts a message every 6 ms, where one is due every 4 ms, delays the recording
  /// by 2 ms a message.
  @Test func shortStandsAddUp() {
    var clock = clock(.times(1))
    var now = Instant.at(0)
    for message in 1...100 {
      now += .milliseconds(6)
      let due = clock.due(1_000 + Int64(message) * 4_000_000)
      clock.stand(at: now - .milliseconds(1))
      clock.goOn(at: now, due: due)
    }
    let waited = clock.waited(at: now).milliseconds
    #expect(waited > 190 && waited <= 200)
  }

  /// At `max` every wait for the replay counts.
  @Test func atMaxEachStandCounts() {
    var clock = clock(.max)
    for wait in 0..<5 {
      clock.stand(at: .at(Double(10 * wait)))
      clock.goOn(at: .at(Double(10 * wait + 2)), due: clock.due(7))
    }
    #expect(clock.waited(at: .at(60)) == .milliseconds(10))
  }

  @Test func aStandIsSaidOnce() {
    var clock = clock(.times(1))
    var notice = StandNotice()
    #expect(notice.notice(clock, now: .at(0)) == nil)
    clock.stand(at: .at(100))
    #expect(notice.notice(clock, now: .at(600)) == nil)
    #expect(notice.deadline(clock, now: .at(600)) == .at(1100))
    #expect(notice.notice(clock, now: .at(1100))?.contains("accepted nothing for 1.0 s") == true)
    #expect(notice.notice(clock, now: .at(1500)) == nil)
    #expect(notice.deadline(clock, now: .at(1500)) == .never)
    clock.goOn(at: .at(2600))
    #expect(notice.notice(clock, now: .at(2600))?.contains("stood for 2.5 s in all") == true)
    #expect(notice.notice(clock, now: .at(2700)) == nil)
  }

  @Test func farTimesDoNotOverflow() {
    var clock = PlayClock(speed: .times(1e-6))
    clock.begin(at: .at(0), origin: 0)
    #expect(clock.due(1 << 62) > .at(0))
  }
}
