// The manifest of a network's published weights.

public import Experience
internal import Foundations
public import Numerics

extension NetworkSpec {
  /// The tensors in the order of the flat vectors that networks import and export.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func manifest() throws(NetworkSpecError) -> WeightsManifest {
    WeightsManifest(tensors: try parameters())
  }

  /// New parameters drawn from `generator`, in the manifest's order.
  func initialParameters(using generator: inout SeededGenerator) throws(NetworkSpecError) -> [Float] {
    let network = try Network(spec: self, batchMax: 1)
    network.initialize(using: &generator)
    return [Float](unsafeUninitializedCapacity: network.parameterCount) { buffer, count in
      network.exportParameters(to: buffer)
      count = network.parameterCount
    }
  }
}
