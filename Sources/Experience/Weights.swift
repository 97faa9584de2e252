// The named tensors of a model.

/// A tensor's name and shape. Names and layouts are PyTorch's: dense `[out, in]`, convolution
/// `[out, in, height, width]`.
public struct TensorSpec: Hashable, Sendable {
  /// For example `0.weight`.
  public var name: String
  /// Sizes of its dimensions; empty for a scalar.
  public var shape: [Int]

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  /// The product of `shape`; 1 for a scalar.
  public var elementCount: Int { shape.reduce(1, *) }
}

/// The tensors of a model, in order. Their elements follow each other in one flat buffer of
/// float32.
public struct WeightsManifest: Hashable, Sendable {
  /// In the order of their elements.
  public var tensors: [TensorSpec]

  public init(tensors: [TensorSpec]) {
    self.tensors = tensors
  }

  /// Elements of all tensors.
  public var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

  /// Why weights of `other` cannot be loaded for this manifest; nil if they can.
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

/// The last delta of one learner that is merged into the weights.
public struct Merged: Hashable, Sendable {
  /// The learner's public name, because any process that knew the id could send deltas as this
  /// learner.
  public var learner: PublicName
  /// The delta's sequence number.
  public var sequence: UInt64

  public init(learner: PublicName, sequence: UInt64) {
    self.learner = learner
    self.sequence = sequence
  }
}
