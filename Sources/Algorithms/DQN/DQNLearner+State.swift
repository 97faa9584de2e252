// What goes in and out of a learner: weights to publish, gradients to merge, the state to checkpoint.

internal import Numerics

extension DQNLearner {
  /// Elements of every flat vector below.
  public var parameterCount: Int { online.parameterCount }

  /// Writes the online network's parameters.
  public func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    online.exportParameters(to: destination)
  }

  /// Loads the online network's parameters. The target network stays as it is.
  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    online.importParameters(from: source)
  }

  /// Writes the target network's parameters.
  public func exportTarget(to destination: UnsafeMutableBufferPointer<Float>) {
    target.exportParameters(to: destination)
  }

  /// Loads the target network's parameters.
  public func importTarget(from source: UnsafeBufferPointer<Float>) {
    target.importParameters(from: source)
  }

  /// Writes the gradients of the last `computeGradients`, not clipped.
  public func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {
    online.exportValues(UnsafeBufferPointer(online.gradients), to: destination)
  }

  /// Adam's updates so far.
  public var optimizerStep: Int { optimizer.stepCount }

  /// Writes Adam's moments.
  public func exportOptimizer(
    firstMoment: UnsafeMutableBufferPointer<Float>, secondMoment: UnsafeMutableBufferPointer<Float>
  ) {
    online.exportValues(UnsafeBufferPointer(optimizer.firstMoment), to: firstMoment)
    online.exportValues(UnsafeBufferPointer(optimizer.secondMoment), to: secondMoment)
  }

  /// Loads Adam's moments and step, as exported.
  public func importOptimizer(
    firstMoment: UnsafeBufferPointer<Float>, secondMoment: UnsafeBufferPointer<Float>, step: Int
  ) {
    online.importValues(from: firstMoment, into: optimizer.firstMoment)
    online.importValues(from: secondMoment, into: optimizer.secondMoment)
    optimizer.stepCount = step
  }
}
