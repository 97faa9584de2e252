// An actor's steps: requests, their repetition and their answers.

import Foundations
import Testing
import Wire

@testable import Services

@Suite struct StepAllowanceTests {
  @Test func aRequestIsRepeatedUntilItIsAnswered() {
    var allowance = StepAllowance()
    #expect(allowance.request(now: .at(0)) == nil && allowance.nextRequest == .never)
    allowance.ask(8, after: 3, now: .at(0))
    let request = StepRequest(number: 1, sequence: 3, steps: 8)
    #expect(allowance.request(now: .at(0)) == request)
    #expect(allowance.request(now: .at(499)) == nil && allowance.nextRequest == .at(500))
    #expect(allowance.request(now: .at(500)) == request)
    allowance.receive(StepGrant(number: 1, steps: 8, version: 5), now: .at(700))
    #expect(allowance.left == 8 && allowance.version == 5 && !allowance.isAsking)
    #expect(allowance.waited == .milliseconds(700))
    // While steps are left it says that the actor is there.
    #expect(allowance.request(now: .at(1000)) == request)
    allowance.use(8)
    #expect(allowance.left == 0)
    #expect(allowance.request(now: .at(1500)) == request)
    #expect(allowance.nextRequest == .never)
  }

  /// A grant for another request, a repeated one, or one for more than was asked gives no more.
  @Test func onlyTheRequestedGrantCounts() {
    var allowance = StepAllowance()
    allowance.receive(StepGrant(number: 0, steps: 9, version: 1), now: .at(0))
    allowance.ask(8, after: 0, now: .at(0))
    allowance.ask(4, after: 1, now: .at(0))
    allowance.receive(StepGrant(number: 1, steps: 8, version: 1), now: .at(0))
    #expect(allowance.left == 0 && allowance.isAsking)
    allowance.receive(StepGrant(number: 2, steps: 100, version: 2), now: .at(0))
    #expect(allowance.left == 4)
    allowance.use(3)
    allowance.receive(StepGrant(number: 2, steps: 100, version: 2), now: .at(0))
    #expect(allowance.left == 1)
  }

  @Test func nothingIsAskedForBack() {
    var allowance = StepAllowance()
    allowance.ask(8, after: 0, now: .at(0))
    allowance.receive(StepGrant(number: 1, steps: 8, version: 0), now: .at(0))
    allowance.ask(0, after: 2, now: .at(0))
    #expect(allowance.left == 0 && !allowance.isInUse)
    #expect(allowance.request(now: .at(0)) == StepRequest(number: 2, sequence: 2, steps: 0))
    #expect(allowance.nextRequest == .never)
  }

  /// A shard of a new incarnation knows of no grant: what was asked for is asked for again, what is
  /// left of a grant is not used.
  @Test func aNewShardIsAskedAnew() {
    var allowance = StepAllowance()
    allowance.reset(now: .at(0))
    #expect(allowance.request(now: .at(0)) == nil)
    allowance.ask(8, after: 1, now: .at(0))
    _ = allowance.request(now: .at(0))
    allowance.reset(now: .at(10))
    #expect(allowance.request(now: .at(10)) == StepRequest(number: 2, sequence: 1, steps: 8))
    allowance.receive(StepGrant(number: 2, steps: 8, version: 0), now: .at(10))
    allowance.reset(now: .at(20))
    #expect(allowance.left == 0)
    #expect(allowance.request(now: .at(20)) == StepRequest(number: 3, sequence: 1, steps: 0))
  }
}
