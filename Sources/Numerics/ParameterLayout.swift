// Converts parameters between PyTorch's layout and the network's.

internal import CKernels

extension LayerPlan {
  /// Reads this layer's weight and bias in PyTorch's layout.
  func fromPyTorch(_ source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    reorder(source, destination, from: channels, to: places)
  }

  /// Writes this layer's weight and bias in PyTorch's layout.
  func toPyTorch(_ source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    reorder(source, destination, from: places, to: channels)
  }

  /// Transposes each output's `[outer, inner]` weights; the bias is copied.
  private func reorder(
    _ source: UnsafePointer<Float>, _ destination: UnsafeMutablePointer<Float>, from outer: Int, to inner: Int
  ) {
    guard outer > 1, inner > 1 else {
      destination.update(from: source, count: parameterCount)
      return
    }
    for output in 0..<outputs {
      let read = source + output * fanIn
      let write = destination + output * fanIn
      for i in 0..<outer {
        for j in 0..<inner { write[j * outer + i] = read[i * inner + j] }
      }
    }
    (destination + weightCount).update(from: source + weightCount, count: outputs)
  }
}

extension Network {
  /// Loads all parameters from PyTorch's layout, in the order of `NetworkSpec.parameters()`.
  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    importValues(from: source, into: parameters)
    parametersChanged()
  }

  /// Writes all parameters in PyTorch's layout.
  public func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    exportValues(UnsafeBufferPointer(parameters), to: destination)
  }

  /// Brings a vector with one value a parameter (a gradient, a moment) from PyTorch's layout into
  /// the network's order. Linear: a permutation, and for networks of dense layers on vectors a
  /// copy.
  public func importValues(
    from source: UnsafeBufferPointer<Float>, into destination: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(source.count == parameterCount && destination.count == parameterCount, "sizes differ")
    guard let from = source.baseAddress, let to = destination.baseAddress else { return }
    for layer in plan.layers { layer.fromPyTorch(from + layer.offset, to: to + layer.offset) }
  }

  /// The inverse of `importValues`.
  public func exportValues(
    _ source: UnsafeBufferPointer<Float>, to destination: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(source.count == parameterCount && destination.count == parameterCount, "sizes differ")
    guard let from = source.baseAddress, let to = destination.baseAddress else { return }
    for layer in plan.layers { layer.toPyTorch(from + layer.offset, to: to + layer.offset) }
  }

  /// Copies all parameters of a network of the same spec.
  public func copyParameters(from other: Network) {
    precondition(other.spec == spec, "specs differ")
    parameterBuffer.base.update(from: other.parameterBuffer.base, count: parameterCount)
    parametersChanged()
  }

  /// θ += fraction · (θ_other − θ): moves a target network towards the online one (Polyak
  /// averaging).
  public func blendParameters(towards other: Network, fraction: Float) {
    precondition(other.spec == spec, "specs differ")
    rookery_blend(parameterBuffer.base, other.parameterBuffer.base, fraction, parameterCount)
    parametersChanged()
  }
}
