// The named tensors of a model.

/// A tensor's name and shape. Names and layouts are PyTorch's (dense `[out, in]`, convolution `[out, in, height, width]`).
public struct TensorSpec: Hashable, Sendable {
  public var name: String
  public var shape: [Int]

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  public var elementCount: Int { shape.reduce(1, *) }
}

/// The tensors of a model in order; their elements lie one after the other in a flat buffer of float32.
public struct WeightsManifest: Hashable, Sendable {
  public var tensors: [TensorSpec]

  public init(tensors: [TensorSpec]) {
    self.tensors = tensors
  }

  public var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

  /// Why weights of `other` cannot be loaded where this manifest is expected, or nil if they can.
  public func mismatch(with other: WeightsManifest) -> String? {
    for (index, tensor) in tensors.enumerated() {
      guard index < other.tensors.count else {
        return "tensor \(index): expected '\(tensor.name)' \(tensor.shape), found none"
      }
      let found = other.tensors[index]
      if found != tensor {
        return
          "tensor \(index): expected '\(tensor.name)' \(tensor.shape), found '\(found.name)' \(found.shape)"
      }
    }
    if other.tensors.count > tensors.count {
      return "expected \(tensors.count) tensors, found \(other.tensors.count)"
    }
    return nil
  }
}

/// Which change of a learner is the last one in the weights.
public struct Merged: Hashable, Sendable {
  /// The learner, as others may know it: with its id anybody could send changes in its name.
  public var learner: PublicName
  public var sequence: UInt64

  public init(learner: PublicName, sequence: UInt64) {
    self.learner = learner
    self.sequence = sequence
  }
}
