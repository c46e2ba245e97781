//! Each pixel mode, each limit and each way to cut a file, on pictures made here.
