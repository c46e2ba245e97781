//! How RocksDB is set up: durable, of bounded memory, with few threads.

use crate::store::{history, keys};
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamilyDescriptor, CompactOptions,
    DBCompressionType, DBRecoveryMode, LogLevel, Options, ReadOptions, WriteOptions,
};

const MIB: usize = 1024 * 1024;
/// Blocks, their indexes and filters, of all column families together.
const BLOCK_CACHE: usize = 64 * MIB;
/// A memtable of `content` and of `by_signal`; two of each at most.
const WRITE_BUFFER: usize = 32 * MIB;
/// A memtable of the small column families.
const SMALL_WRITE_BUFFER: usize = MIB;
/// All memtables together.
const ALL_WRITE_BUFFERS: usize = 96 * MIB;
/// The log that is read back on opening.
const WRITE_AHEAD_LOG: u64 = 128 * MIB as u64;
/// Table files that a writer keeps open.
const OPEN_FILES: i32 = 512;
const BACKGROUND_JOBS: i32 = 2;
/// Bits a key of the filters that say that a hash is not there: about 1 % say so falsely.
const FILTER_BITS: f64 = 10.0;

/// Whether the store is opened to be written or only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
}

/// How a log that ends in damage is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// Up to the damage, whatever it is. Only where the [acknowledged
    /// revision](super::acknowledged) is known and is asked for afterwards.
    UpToDamage,
    /// Up to where it is cut off; any other damage is refused.
    UpToCut,
}

pub(super) fn database(access: Access, recovery: Recovery) -> Options {
    let mut options = Options::default();
    options.create_if_missing(access == Access::Write);
    options.create_missing_column_families(access == Access::Write);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(match recovery {
        Recovery::UpToDamage => DBRecoveryMode::PointInTime,
        Recovery::UpToCut => DBRecoveryMode::TolerateCorruptedTailRecords,
    });
    options.set_max_total_wal_size(WRITE_AHEAD_LOG);
    options.set_db_write_buffer_size(ALL_WRITE_BUFFERS);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_bytes_per_sync(MIB as u64);
    // A reader opens every table at once: the writer may unlink them while it reads.
    options.set_max_open_files(match access {
        Access::Write => OPEN_FILES,
        Access::Read => -1,
    });
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(3);
    options.set_max_log_file_size(MIB);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

pub(super) fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE);
    let mut families = vec![ColumnFamilyDescriptor::new("default", small(&cache))];
    families.extend(keys::FAMILIES.map(|name| {
        let options = match name {
            keys::CONTENT => content(&cache),
            keys::BY_SIGNAL => by_signal(&cache),
            _ => small(&cache),
        };
        ColumnFamilyDescriptor::new(name, options)
    }));
    families
}

/// The column families of the history: values of some hundred bytes, by time.
pub(super) fn history_families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE);
    let mut families = vec![ColumnFamilyDescriptor::new("default", small(&cache))];
    families.extend(
        history::families::FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, content(&cache))),
    );
    families
}

/// A synced write.
pub(super) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

/// Reading much once: it leaves the cache to others and reads ahead.
pub(super) fn scan() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options.set_readahead_size(MIB);
    options
}

/// A compaction that leaves no table as it was.
pub(super) fn rewrite_all() -> CompactOptions {
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options
}

fn blocks(cache: &Cache) -> BlockBasedOptions {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(6);
    blocks
}

fn small(cache: &Cache) -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(SMALL_WRITE_BUFFER);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_block_based_table_factory(&blocks(cache));
    options
}

/// Keys in growing order; values with much text that is the same from item to item.
fn content(cache: &Cache) -> Options {
    let mut options = content_table(cache);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    options
}

/// How a table of `content` or `by_signal` is written that comes into the store as a whole.
pub(super) fn table(name: &'static str) -> Options {
    let cache = Cache::new_lru_cache(MIB);
    match name {
        keys::CONTENT => content_table(&cache),
        _ => by_signal(&cache),
    }
}

fn content_table(cache: &Cache) -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(WRITE_BUFFER);
    options.set_compression_type(DBCompressionType::Lz4);
    let mut blocks = blocks(cache);
    blocks.set_block_size(16 * 1024);
    options.set_block_based_table_factory(&blocks);
    options
}

/// Random keys, which do not compress, asked about once for each item that comes in.
fn by_signal(cache: &Cache) -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(WRITE_BUFFER);
    options.set_compression_type(DBCompressionType::None);
    let mut blocks = blocks(cache);
    blocks.set_bloom_filter(FILTER_BITS, false);
    options.set_memtable_prefix_bloom_ratio(0.05);
    options.set_memtable_whole_key_filtering(true);
    options.set_block_based_table_factory(&blocks);
    options
}
