// The layout of structs that are stored in files.

/// Checks the sizes of the structs in a store's files: a field added in passing must not change the
/// format of existing stores.
enum StoreLayout {
  static func check() {
    precondition(MemoryLayout<ItemRecord>.stride == 8)
    precondition(MemoryLayout<ChunkRecord>.stride == 64 && MemoryLayout<ChunkRecord>.size == 64)
    precondition(MemoryLayout<ItemJournal.Entry>.stride == 16)
    precondition(MemoryLayout<StoreHeader.Commit>.stride == 32)
    precondition(MemoryLayout<StoreHeader.TableMark>.stride == 32)
    precondition(StoreHeader.tablesAt + StoreHeader.tablesMax * 32 <= StoreHeader.byteCount)
    precondition(WriterMarks.labelAt + WriterMarks.labelBytes == WriterMarks.stride)
  }
}
