// Multi-step returns and their errors, as small pure functions.

/// The n-step bootstrapped returns of a sequence, G_t = Σ over k < n of (Π γ) r + (Π γ) v, with shorter sums at its end.
///
/// `rewards[t]`, `discounts[t]` and `values[t]` are r, γ and v one step after t, as rlax names them (`r_t`, `discount_t`,
/// `v_t`); a discount of 0 ends the episode. Cost: n · T. Source: Sutton & Barto 2018, §7.1; `rlax.n_step_bootstrapped_returns`.
public func nStepReturns(rewards: [Float], discounts: [Float], values: [Float], n: Int) -> [Float] {
  precondition(n > 0 && rewards.count == discounts.count && rewards.count == values.count, "sizes differ")
  return rewards.indices.map { start in
    let last = min(start + n, rewards.count) - 1
    return (start...last).reversed().reduce(values[last]) { rewards[$1] + discounts[$1] * $0 }
  }
}

/// The error of an action value against its n-step return: R + Γ·v − q, where R = Σ γᵏ·rewards[k] and Γ = γⁿ, or 0 if the
/// episode terminated in these steps. An actor sends its magnitude as the first priority (Horgan et al. 2018, §3).
///
/// - Parameters:
///   - qSelected: Q of the action taken, as estimated when acting.
///   - bootstrap: The value of the state after the last reward.
@inlinable
public func nStepTDError(
  qSelected: Float, rewards: some Collection<Float>, discount: Float, isTerminal: Bool, bootstrap: Float
) -> Float {
  var sum: Float = 0
  var power: Float = 1
  for reward in rewards {
    sum += power * reward
    power *= discount
  }
  return sum + (isTerminal ? 0 : power * bootstrap) - qSelected
}
