// What other lives of a store read as it was written.

/// The sizes of the structs that lie in a store's files. A field that is added in passing must not make another store of each that
/// is there.
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
