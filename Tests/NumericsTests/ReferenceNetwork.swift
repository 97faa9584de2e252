// A simple network in float64 and PyTorch's layout, a reference for the fast one.

import Numerics

/// The forward pass by the formulas; slow, and shares no code with `Network`.
struct ReferenceNetwork {
  let spec: NetworkSpec
  var parameters: [Double]

  /// Outputs of each head for one observation.
  func forward(_ observation: [Double]) -> [[Double]] {
    var next = 0
    var shape = spec.inputShape
    var x = observation
    for layer in spec.layers {
      switch layer {
      case .dense(let outputs):
        x = dense(x, outputs, &next)
        shape = [outputs]
      case .convolution(let outputs, let kernel, let stride):
        (x, shape) = convolution(x, shape, outputs, kernel, stride, &next)
      case .relu: x = x.map { max($0, 0) }
      case .flatten: shape = [x.count]
      }
    }
    return spec.heads.map { outputs($0, x, &next) }
  }

  private func outputs(_ head: NetworkSpec.Head, _ x: [Double], _ next: inout Int) -> [Double] {
    switch head.kind {
    case .linear: return dense(x, head.outputs, &next)
    case .dueling(let hidden):
      let value = stream(x, hidden, 1, &next)[0]
      let advantage = stream(x, hidden, head.outputs, &next)
      let mean = advantage.reduce(0, +) / Double(head.outputs)
      return advantage.map { value + $0 - mean }
    }
  }

  private func stream(_ x: [Double], _ hidden: Int?, _ outputs: Int, _ next: inout Int) -> [Double] {
    guard let hidden else { return dense(x, outputs, &next) }
    let units = dense(x, hidden, &next).map { max($0, 0) }
    return dense(units, outputs, &next)
  }

  private func dense(_ x: [Double], _ outputs: Int, _ next: inout Int) -> [Double] {
    let bias = next + outputs * x.count
    let y = (0..<outputs).map { output in
      x.indices.reduce(parameters[bias + output]) { $0 + parameters[next + output * x.count + $1] * x[$1] }
    }
    next = bias + outputs
    return y
  }

  private func convolution(
    _ x: [Double], _ shape: [Int], _ outputs: Int, _ kernel: Int, _ stride: Int, _ next: inout Int
  ) -> ([Double], [Int]) {
    let (planes, height, width) = (shape[0], shape[1], shape[2])
    let (outputHeight, outputWidth) = ((height - kernel) / stride + 1, (width - kernel) / stride + 1)
    let bias = next + outputs * planes * kernel * kernel
    var y: [Double] = []
    for output in 0..<outputs {
      for top in 0..<outputHeight {
        for left in 0..<outputWidth {
          var sum = parameters[bias + output]
          for plane in 0..<planes {
            for row in 0..<kernel {
              for column in 0..<kernel {
                let weight = parameters[next + ((output * planes + plane) * kernel + row) * kernel + column]
                sum += weight * x[(plane * height + top * stride + row) * width + left * stride + column]
              }
            }
          }
          y.append(sum)
        }
      }
    }
    next = bias + outputs
    return (y, [outputs, outputHeight, outputWidth])
  }
}
