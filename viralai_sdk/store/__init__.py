"""What stays after a call: files written whole with their provenance inside, sessions on disk, and the journal of calls, jobs and votes."""
