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

  /// Adam alone, on PyTorch's gradients of the first update. The parameters after it are not
  /// stored, but Adam's first step is lr · g / (|g| + ε), whatever the betas.
  @Test func firstAdamStepIsTheSignOfTheGradient() throws {
    let gradients = try Fixture("mlp")["gradients"]
    var parameters = [Float](repeating: 0, count: gradients.count)
    let adam = Adam(
      parameterCount: gradients.count, configuration: Adam.Configuration(learningRate: 0.01, epsilon: 1e-6))
    parameters.withUnsafeMutableBufferPointer { parameters in
      gradients.withUnsafeBufferPointer { adam.update(parameters: parameters, gradients: $0) }
    }
    #expect(gradients.contains { $0 != 0 })
    #expect(largestDifference(parameters, gradients.map { -0.01 * $0 / ($0.magnitude + 1e-6) }) < 1e-7)
  }

  /// The formula in float64, with a gradient that changes; the scale multiplies it first.
  @Test func adamFollowsItsFormula() {
    let adam = Adam(parameterCount: 1, configuration: Adam.Configuration(learningRate: 0.1, epsilon: 1e-3))
    var (value, first, second) = (1.0, 0.0, 0.0)
    var parameter: [Float] = [1]
    for step in 1...20 {
      let gradient: Float = step % 3 == 0 ? -2 : 0.5 * Float(step)
      parameter.withUnsafeMutableBufferPointer { parameter in
        withUnsafePointer(to: gradient) {
          adam.update(
            parameters: parameter, gradients: UnsafeBufferPointer(start: $0, count: 1), gradientScale: 0.25)
        }
      }
      let scaled = Double(gradient) * 0.25
      first = 0.9 * first + 0.1 * scaled
      second = 0.999 * second + 0.001 * scaled * scaled
      let (power1, power2) = (1...step).reduce((1.0, 1.0)) { power, _ in (power.0 * 0.9, power.1 * 0.999) }
      value -= 0.1 * (first / (1 - power1)) / ((second / (1 - power2)).squareRoot() + 1e-3)
      #expect(abs(Double(parameter[0]) - value) < 2e-6, "step \(step)")
    }
    #expect(adam.stepCount == 20)
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
