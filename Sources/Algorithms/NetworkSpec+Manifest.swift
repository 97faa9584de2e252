// A network's parameters as the weights that are published.

public import Experience
public import Numerics

extension NetworkSpec {
  /// The named tensors, in the order of the flat vectors that networks import and export.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func manifest() throws(NetworkSpecError) -> WeightsManifest {
    WeightsManifest(tensors: try parameters().map { TensorSpec(name: $0.name, shape: $0.shape) })
  }
}
