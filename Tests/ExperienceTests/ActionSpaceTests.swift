// The actions of a space.

import Experience
import Testing

@Suite struct ActionSpaceTests {
  @Test func fieldsHoldAnAction() {
    #expect(ActionSpace.discrete(3).field == Field("action", .int32))
    let box = ActionSpace.box(shape: [2], low: [-1, 0], high: [1, 0.5])
    #expect(box.field == Field("action", .float32, shape: [2]))
    #expect(ActionSpace.discrete(3).discreteCount == 3 && box.discreteCount == nil)
  }

  @Test(arguments: [Int32(-1), 3, .max, .min]) func discreteActionsOutside(_ wrong: Int32) throws {
    let space = ActionSpace.discrete(3)
    #expect(space.firstOutside([0, 1, 2] as [Int32], count: 3) { _ in false } == nil)
    let actions: [Int32] = [2, wrong, wrong]
    let outside = try #require(space.firstOutside(actions, count: 3) { $0 == 1 })
    #expect(outside.row == 2 && outside.expected == "0 to 2" && outside.found == "\(wrong)")
    #expect(space.firstOutside(actions, count: 3) { $0 > 0 } == nil, "rows whose action is not taken")
  }

  @Test(arguments: [Float(0.75), -0.25, .nan, .infinity]) func boxActionsOutside(_ wrong: Float) throws {
    let space = ActionSpace.box(shape: [2], low: [-1, 0], high: [1, 0.5])
    #expect(space.firstOutside([-1, 0, 1, 0.5] as [Float], count: 2) { _ in false } == nil)
    let actions: [Float] = [0, 0, 0.5, wrong]
    let outside = try #require(space.firstOutside(actions, count: 2) { _ in false })
    #expect(outside.row == 1 && outside.expected == "element 1 within 0.0 to 0.5")
    #expect(outside.found == "\(wrong)")
    #expect(space.firstOutside(actions, count: 2) { $0 == 1 } == nil)
  }
}
