// What must hold of every input.

/// Ends the process, which is a finding, and says why: `precondition` says nothing in an optimised build.
func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
  if !holds { fatalError(otherwise()) }
}
