/** Marzban's own sentences, letter by letter. Only they prove what the panel did, or that it has nobody of a name. */
export const texts = {
  userDeleted: 'User successfully deleted',
  noSuchUser: 'User not found',
  adminDeleted: 'Admin removed successfully',
  noSuchAdmin: 'Admin not found',
  sudoAdminStays: "You're not allowed to delete sudo accounts. Use marzban-cli instead.",
  usersReset: 'Users successfully reset.',
  noExpiredUsers: 'No expired users found in the specified date range',
  noSuchPath: 'Not Found',
} as const
