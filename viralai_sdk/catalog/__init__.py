"""Models, capabilities, prices and dates, as data with sources. The code only reads."""
