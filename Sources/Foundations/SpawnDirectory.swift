// The folder in which a spawned process starts.

internal import CKernels

public enum SpawnDirectory {
  /// Adds a change of folder to what `posix_spawn` does, after what was added before. A folder that cannot be entered makes the
  /// spawn fail.
  ///
  /// - Parameter actions: a `posix_spawn_file_actions_t`.
  public static func set(_ folder: String, for actions: UnsafeMutableRawPointer) {
    _ = rookery_spawn_add_directory(actions, folder)
  }
}
