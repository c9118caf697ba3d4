export const help = 1; // ← dagbook/house-folder
