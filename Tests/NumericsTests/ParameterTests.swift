// Specs, parameter layouts and initialisation.

import Experience
import Foundations
import Testing

@testable import Numerics

@Suite struct ParameterTests {
  @Test(arguments: NetworkCase.all)
  func importAndExportAreInverse(_ networkCase: NetworkCase) throws {
    let network = try Network(spec: networkCase.spec, batchMax: 1)
    let values = (0..<network.parameterCount).map(Float.init)
    values.withUnsafeBufferPointer { network.importParameters(from: $0) }
    #expect(exported(network) == values)
    // A permutation: every value is there once.
    #expect(network.parameters.sorted() == values)
  }

  @Test func denseNetworksKeepPyTorchLayout() throws {
    let network = try Network(spec: .mlp(inputs: 5, hidden: [7], outputs: 3, dueling: true), batchMax: 1)
    let values = (0..<network.parameterCount).map(Float.init)
    values.withUnsafeBufferPointer { network.importParameters(from: $0) }
    #expect(Array(network.parameters) == values)
  }

  @Test func natureHasThePublishedSize() throws {
    let parameters = try NetworkSpec.nature(planes: 4, height: 84, width: 84, outputs: 6, dueling: false)
      .parameters()
    #expect(parameters.map(\.elementCount).reduce(0, +) == 1_687_206)
    #expect(parameters[0] == TensorSpec(name: "trunk.0.weight", shape: [32, 4, 8, 8]))
    #expect(parameters[6] == TensorSpec(name: "trunk.7.weight", shape: [512, 3136]))
    #expect(parameters[9] == TensorSpec(name: "head.bias", shape: [6]))
  }

  @Test func initialisationIsSeededAndBounded() throws {
    let spec = NetworkSpec.mlp(inputs: 100, hidden: [200], outputs: 50, dueling: false)
    func parameters(_ seed: UInt64) throws -> [Float] {
      let network = try Network(spec: spec, batchMax: 1)
      var generator = SeededGenerator(seed: seed)
      network.initialize(using: &generator)
      return exported(network)
    }
    let values = try parameters(1)
    #expect(try parameters(1) == values)
    #expect(try parameters(2) != values)
    // 100 inputs: uniform on ±0.1, variance 0.01 / 3; the mean of 20,200 draws stays within 5
    // standard errors (0.002).
    let first = Array(values[..<20_200])
    let (low, high) = (first.min()!, first.max()!)
    #expect(high <= 0.1 && high > 0.0999 && low >= -0.1 && low < -0.0999)
    let mean = first.reduce(0, +) / 20_200
    #expect(mean.magnitude < 0.002)
    #expect(values[20_200...].allSatisfy { $0.magnitude <= 0.0708 })
  }

  @Test func blendingMovesByItsFraction() throws {
    let spec = NetworkSpec.mlp(inputs: 3, hidden: [33], outputs: 2, dueling: false)
    let (one, other) = (try Network(spec: spec, batchMax: 1), try Network(spec: spec, batchMax: 1))
    one.parameters.update(repeating: 1)
    other.parameters.update(repeating: 3)
    one.blendParameters(towards: other, fraction: 0.25)
    #expect(one.parameters.allSatisfy { $0 == 1.5 } && other.parameters.allSatisfy { $0 == 3 })
    one.copyParameters(from: other)
    #expect(one.parameters.allSatisfy { $0 == 3 })
  }

  @Test(
    arguments: [
      (
        [4], [.convolution(outputs: 1, kernel: 1, stride: 1)], 2,
        "trunk.0: convolution needs [planes, height, width]"
      ),
      ([1, 4, 4], [.convolution(outputs: 1, kernel: 5, stride: 1)], 2, "does not fit [1, 4, 4]"),
      ([1, 4, 4], [.convolution(outputs: 1, kernel: 2, stride: 0)], 2, "does not fit [1, 4, 4]"),
      ([1, 4, 4], [.dense(outputs: 3)], 2, "trunk.0: dense needs a vector"),
      ([1, 4, 4], [.convolution(outputs: 1, kernel: 2, stride: 1)], 2, "head: dense needs a vector"),
      ([4], [.flatten], 2, "trunk.0: flatten needs"),
      ([4], [.relu], 2, "trunk.0: relu needs"),
      ([4], [.dense(outputs: 0)], 2, "trunk.0: expected at least 1 output"),
      ([4, 4], [], 2, "input shape: expected"),
      ([0], [], 2, "input shape: expected"),
      ([4], [], 0, "head: expected at least 1 output"),
    ] as [([Int], [NetworkSpec.Layer], Int, String)])
  func impossibleSpecsAreRefused(
    _ shape: [Int], _ layers: [NetworkSpec.Layer], _ outputs: Int, _ reason: String
  ) {
    let spec = NetworkSpec(
      inputShape: shape, inputType: .float32, layers: layers, heads: [NetworkSpec.Head(outputs: outputs)])
    let error = #expect(throws: NetworkSpecError.self) { _ = try Network(spec: spec, batchMax: 1) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  /// Checkpoints and messages identify tensors by name.
  @Test func headsOfOneNameAreRefused() {
    let heads = [NetworkSpec.Head(outputs: 1), NetworkSpec.Head(outputs: 2)]
    for (heads, reason) in [
      (heads, "found 'head' twice"), ([], "heads: expected at least 1"),
      ([NetworkSpec.Head(name: "trunk.0", outputs: 1)], "found 'trunk.0' twice"),
    ] {
      let spec = NetworkSpec(
        inputShape: [3], inputType: .float32, layers: [.dense(outputs: 2)], heads: heads)
      let error = #expect(throws: NetworkSpecError.self) { try spec.parameters() }
      #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
  }
}
