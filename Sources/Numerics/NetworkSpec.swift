// The specification of a network: input, trunk and heads.

public import Experience

/// A feed-forward network: a trunk of layers, and heads that all read the trunk's features. It
/// determines the tensors and their layout; `Network` computes it.
public struct NetworkSpec: Sendable, Hashable {
  /// The element type of stored and sent observations.
  public enum InputType: Sendable, Hashable {
    case float32
    /// Multiplied by 1/255 before the first layer.
    case uint8

    var byteCount: Int {
      switch self {
      case .float32: 4
      case .uint8: 1
      }
    }
  }

  /// A layer of the trunk.
  public enum Layer: Sendable, Hashable {
    /// `[batch, inputs]` → `[batch, outputs]`, y = x·Wᵀ + b.
    case dense(outputs: Int)
    /// `[batch, planes, height, width]` → `[batch, outputs, (height − kernel) / stride + 1, …]`, no
    /// padding.
    case convolution(outputs: Int, kernel: Int, stride: Int)
    /// max(x, 0); after a dense or convolution layer, or a flatten after one.
    case relu
    /// `[batch, planes, height, width]` → `[batch, planes·height·width]` in PyTorch's order.
    case flatten
  }

  /// A set of outputs computed from the trunk's features.
  public struct Head: Sendable, Hashable {
    /// How the outputs are computed.
    public enum Kind: Sendable, Hashable {
      /// One dense layer; its tensors have the head's name.
      case linear
      /// Q(s, a) = V(s) + A(s, a) − mean over a′ of A(s, a′) (Wang et al. 2016, equation 9). V and
      /// A are each one dense layer, or two with `hidden` rectified units between them. Their
      /// tensors are named `value` and `advantage`.
      case dueling(hidden: Int?)
    }

    /// The prefix of a linear head's tensors; unique in the network.
    public var name: String
    /// How the outputs are computed.
    public var kind: Kind
    /// Outputs for each row.
    public var outputs: Int

    public init(name: String = "head", kind: Kind = .linear, outputs: Int) {
      self.name = name
      self.kind = kind
      self.outputs = outputs
    }
  }

  /// `[features]` or `[planes, height, width]`, without the batch.
  public var inputShape: [Int]
  /// The element type of observations.
  public var inputType: InputType
  /// The trunk.
  public var layers: [Layer]
  /// At least one.
  public var heads: [Head]

  public init(inputShape: [Int], inputType: InputType, layers: [Layer], heads: [Head]) {
    self.inputShape = inputShape
    self.inputType = inputType
    self.layers = layers
    self.heads = heads
  }

  /// Dense layers with rectifiers for a float32 vector.
  public static func mlp(inputs: Int, hidden: [Int], outputs: Int, dueling: Bool) -> NetworkSpec {
    NetworkSpec(
      inputShape: [inputs], inputType: .float32,
      layers: hidden.flatMap { [.dense(outputs: $0), .relu] },
      heads: [Head(kind: dueling ? .dueling(hidden: nil) : .linear, outputs: outputs)])
  }

  /// The network of Mnih et al. 2015 (Methods, "Model architecture") for stacked uint8 planes. With
  /// `dueling`, value and advantage have the 512 hidden units each (Wang et al. 2016, §4.2).
  public static func nature(planes: Int, height: Int, width: Int, outputs: Int, dueling: Bool) -> NetworkSpec
  {
    let trunk: [Layer] = [
      .convolution(outputs: 32, kernel: 8, stride: 4), .relu,
      .convolution(outputs: 64, kernel: 4, stride: 2), .relu,
      .convolution(outputs: 64, kernel: 3, stride: 1), .relu, .flatten,
    ]
    return NetworkSpec(
      inputShape: [planes, height, width], inputType: .uint8,
      layers: dueling ? trunk : trunk + [.dense(outputs: 512), .relu],
      heads: [Head(kind: dueling ? .dueling(hidden: 512) : .linear, outputs: outputs)])
  }
}

extension NetworkSpec {
  /// Elements of one observation.
  public var inputCount: Int { inputShape.reduce(1, *) }

  /// Outputs of the first head: for a Q-network, the number of actions.
  public var outputs: Int { heads.first?.outputs ?? 0 }

  /// Bytes of one observation.
  public var inputByteCount: Int { inputCount * inputType.byteCount }

  /// The tensors in the order of PyTorch's `state_dict`.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func parameters() throws(NetworkSpecError) -> [TensorSpec] {
    try NetworkPlan(self).layers.flatMap(\.parameters)
  }
}

/// A specification whose layers do not fit each other.
public struct NetworkSpecError: Error, Hashable, CustomStringConvertible {
  /// The layer, what it needs, and what was found.
  public var description: String
}
