// Networks and optimizer against PyTorch.

import Experience
import Foundations
import Numerics
import Testing

private let names = ["mlp", "mlp_dueling", "conv", "conv_dueling"]

@Suite struct GoldenTests {
  @Test(arguments: names)
  func namesAndShapesAreThoseOfPyTorch(_ name: String) throws {
    let fixture = try Fixture(name)
    let parameters = try fixtureSpec(name).parameters()
    #expect(parameters.map(\.name) == fixture.parameters.map(\.name))
    #expect(parameters.map(\.shape) == fixture.parameters.map(\.shape))
  }

  @Test(arguments: names)
  func forwardMatchesPyTorch(_ name: String) throws {
    let fixture = try Fixture(name)
    let spec = fixtureSpec(name)
    let expected = fixture["q"]
    let count = expected.count / spec.outputs
    let network = try Network(spec: spec, batchMax: count)
    fixture["parameters"].withUnsafeBufferPointer { network.importParameters(from: $0) }
    let found = fixture.observation("observation", isImage: spec.inputType == .uint8).withUnsafeBytes { raw in
      Array(
        UnsafeBufferPointer(start: network.forward(raw.baseAddress!, count: count), count: expected.count))
    }
    #expect(largestDifference(found, expected) < 1e-6)
  }

  @Test func huberIsSquareThenLinear() {
    let huber = Huber(delta: 2)
    #expect([0, 1, -1, 2, -2, 3, -5].map(huber.loss) == [0, 0.5, 0.5, 2, 2, 4, 8])
    #expect([0, 1, -1, 2, 3, -5].map(huber.gradient) == [0, 1, -1, 2, 2, -2])
    #expect(huber.loss(.nan).isNaN && huber.gradient(.nan).isNaN)
  }

  @Test func clippingIsByTheGlobalNorm() {
    // 3-4-5, far enough into the array for both the vector loop and its rest.
    var gradients = [Float](repeating: 0, count: 37)
    (gradients[3], gradients[36]) = (3, -4)
    #expect(gradients.withUnsafeBufferPointer(GradientClip.norm) == 5)
    #expect(GradientClip.scale(norm: 5, max: 1) == 1 / (5 + 1e-6))
    #expect(GradientClip.scale(norm: 0.5, max: 1) == 1)
    gradients[20] = .nan
    #expect(gradients.withUnsafeBufferPointer(GradientClip.norm).isNaN)
    gradients[20] = .infinity
    #expect(gradients.withUnsafeBufferPointer(GradientClip.norm) == .infinity)
  }
}
