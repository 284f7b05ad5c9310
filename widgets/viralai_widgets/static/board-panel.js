// A board as a panel of its own.
export default { render: renderBoard };
