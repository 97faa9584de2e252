// The kinds of items.

/// How a table makes items of steps.
public enum TableKind: Hashable, Sendable {
  /// n-step transitions: s_t, a_t, Σ_{k<n'} γᵏ r_{t+k}, γ^{n'}·(1 − terminal), s_{t+n'}. At an
  /// episode's end n shrinks to n'. An item spans n' + 1 steps. (Sutton & Barto 2018, eq. 7.1.)
  case transition(nStep: Int, discount: Float)
  /// `length` consecutive steps; a writer starts an item every `period` steps. With period = length
  /// − 1 neighbours share one step: the earlier bootstraps from its value (IMPALA: T + 1 and T;
  /// Espeholt et al. 2018, §3).
  case sequence(length: Int, period: Int, episodes: SequenceEpisodes)
  /// Single steps, for writers whose steps are whole transitions, and for other uses.
  case record
}

/// What a sequence does at the end of an episode. Raw values are the codes on the wire.
public enum SequenceEpisodes: UInt8, CaseIterable, Sendable {
  /// It goes on into the next episode. Items start at every `period`-th step of the stream.
  case cross = 1
  /// It ends and is padded with zeros. Items start at every `period`-th step of the episode, until
  /// one reaches its end.
  case pad = 2

  /// The name used in configuration and messages.
  public var name: String {
    switch self {
    case .cross: "cross"
    case .pad: "pad"
    }
  }
}

extension TableKind {
  /// Steps that an item may span: fewer than the most only if its last step ends the episode.
  public var spans: ClosedRange<Int> {
    switch self {
    case .transition(let nStep, _): 2...max(2, nStep + 1)
    case .sequence(let length, _, .cross): length...length
    case .sequence(let length, _, .pad): 1...max(1, length)
    case .record: 1...1
    }
  }

  /// Whether an item may hold steps of several episodes.
  public var crossesEpisodes: Bool {
    if case .sequence(_, _, .cross) = self { true } else { false }
  }

  /// The names in configurations and messages.
  public enum Name: String, CaseIterable, Sendable {
    case transition, sequence, record
  }

  /// The kind without its parameters.
  public var name: Name {
    switch self {
    case .transition: .transition
    case .sequence: .sequence
    case .record: .record
    }
  }
}

extension TableKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .transition(let nStep, let discount): "transition(nStep: \(nStep), discount: \(discount))"
    case .sequence(let length, let period, let episodes):
      "sequence(length: \(length), period: \(period), episodes: \(episodes.name))"
    case .record: "record"
    }
  }
}
