// What a learner sends of its training.

internal import Experience
internal import Wire

/// A message that changes the weights. Its content may be gone after the call that it is passed to.
enum Change {
  case delta(Delta)
  case gradient(Gradient)

  var id: Identifier {
    switch self {
    case .delta(let delta): delta.id
    case .gradient(let gradient): gradient.id
    }
  }

  var sequence: UInt64 {
    switch self {
    case .delta(let delta): delta.sequence
    case .gradient(let gradient): gradient.sequence
    }
  }

  /// float32 for each parameter.
  var values: UnsafeRawBufferPointer {
    switch self {
    case .delta(let delta): delta.values
    case .gradient(let gradient): gradient.values
    }
  }

  var type: MessageType {
    switch self {
    case .delta: .delta
    case .gradient: .gradient
    }
  }
}
