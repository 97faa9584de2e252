// What must hold of every input.

/// Ends the process with the reason, which is a finding. (`precondition` prints no reason in an
/// optimised build.)
func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
  if !holds { fatalError(otherwise()) }
}
